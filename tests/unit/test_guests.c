/* Which connection of the admin listener makes way for the next. */
#include "server/daemon/admin/guests.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(guests, .timeout = 20);

enum { MAX = 3, SOCKETS = 6 };

struct scene {
    struct guests guests;
    int fds[SOCKETS][2]; /* the guest's own, the peer's */
    struct guest *guest[SOCKETS];
};

static void prepare(struct scene *scene)
{
    *scene = (struct scene){.guests = {.max = MAX}};
    for (int i = 0; i < SOCKETS; i++)
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scene->fds[i]), 0);
}

static void enter(struct scene *scene, int number)
{
    scene->guest[number] = guests_enter(&scene->guests, scene->fds[number][0]);
    cr_assert_not_null(scene->guest[number]);
}

static bool is_shut(const struct scene *scene, int number)
{
    char byte;
    ssize_t got = recv(scene->fds[number][1], &byte, 1, MSG_DONTWAIT);
    cr_assert(got == 0 || (got < 0 && errno == EAGAIN));
    return got == 0;
}

static void check_shut(const struct scene *scene, const char *expected)
{
    for (int i = 0; i < SOCKETS; i++)
        cr_assert_eq(is_shut(scene, i), expected[i] == 'x', "%d of %s", i, expected);
}

static void tidy(struct scene *scene)
{
    for (int i = 0; i < SOCKETS; i++) {
        guests_leave(&scene->guests, scene->guest[i]);
        close(scene->fds[i][0]);
        close(scene->fds[i][1]);
    }
    cr_assert_eq(scene->guests.count, 0);
    cr_assert_null(scene->guests.first);
    cr_assert_null(scene->guests.last);
}

Test(guests, the_one_that_has_asked_nothing_for_the_longest_makes_way)
{
    struct scene scene;
    prepare(&scene);
    for (int i = 0; i < MAX; i++)
        enter(&scene, i);
    check_shut(&scene, "......");
    guests_asked(&scene.guests, scene.guest[0]);
    enter(&scene, 3);
    check_shut(&scene, ".x....");
    enter(&scene, 4);
    enter(&scene, 5);
    check_shut(&scene, "xxx...");
    tidy(&scene);
}

Test(guests, one_that_leaves_makes_room)
{
    struct scene scene;
    prepare(&scene);
    for (int i = 0; i < MAX; i++)
        enter(&scene, i);
    guests_leave(&scene.guests, scene.guest[1]);
    scene.guest[1] = NULL;
    enter(&scene, 3);
    check_shut(&scene, "......");
    tidy(&scene);
}

Test(guests, one_that_makes_way_may_still_ask_and_counts_no_more)
{
    struct scene scene;
    prepare(&scene);
    for (int i = 0; i <= MAX; i++)
        enter(&scene, i);
    guests_asked(&scene.guests, scene.guest[0]);
    cr_assert_eq(scene.guests.count, MAX);
    guests_leave(&scene.guests, scene.guest[0]);
    scene.guest[0] = NULL;
    cr_assert_eq(scene.guests.count, MAX);
    check_shut(&scene, "x.....");
    tidy(&scene);
}
