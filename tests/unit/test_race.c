/* The race of a dial, step by step, driven by what it asks for with one descriptor alone. */
#include "server/lib/dial/race.h"

#include "relay/clock.h"
#include "tests/support/dial_scene.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(race, .timeout = 60);

/* What a race asked for from its first step to its last. */
struct run {
    struct race race;
    enum race_result result;
    int fd; /* the winner's */
    unsigned steps;
    int waited_for;   /* the last descriptor */
    unsigned without; /* waits without a descriptor */
};

static void wait_once(struct run *run)
{
    struct pollfd own;
    struct timespec left;
    int64_t until_us = race_wait(&run->race, &own);
    cr_assert(run->waited_for < 0 || own.fd < 0 || own.fd == run->waited_for,
              "one descriptor until the end");
    if (own.fd >= 0)
        run->waited_for = own.fd;
    else
        run->without++;
    cr_assert_geq(ppoll(&own, 1, clock_left(until_us, &left), NULL), 0);
}

static void run_race(struct run *run, struct dial_scene *scene)
{
    *run = (struct run){.waited_for = -1};
    race_begin(&run->race, &scene->dial);
    do {
        run->result = race_step(&run->race, &scene->winner, &run->fd);
        run->steps++;
        if (run->result == RACE_WAITS)
            wait_once(run);
    } while (run->result == RACE_WAITS);
    cr_assert_lt(run->steps, 100, "it steps only when something has come");
}

Test(race, a_connect_at_once_waits_for_nothing)
{
    char alive[64];
    const char *texts[] = {alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    struct run run;
    dial_scene_begin(&scene, texts, 1);
    struct resources before = resources_now();
    run_race(&run, &scene);
    cr_assert_eq(run.result, RACE_WON);
    cr_assert_eq(run.steps, 1);
    race_end(&run.race, 0);
    cr_assert(fcntl(run.fd, F_GETFL) & O_NONBLOCK);
    close(run.fd);
    cr_assert(resources_return_to(before));
    close(listener);
    dial_scene_end(&scene);
}

Test(race, one_attempt_alone_is_waited_for_itself)
{
    struct dial_scene_hole hole;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address};
    struct dial_scene scene;
    struct run run;
    dial_scene_begin(&scene, texts, 1);
    scene.dial.deadline_us = clock_deadline_ms(100);
    struct resources before = resources_now();
    run_race(&run, &scene);
    cr_assert_eq(run.result, RACE_FAILED);
    cr_assert_eq(run.race.set, -1);
    cr_assert_geq(run.waited_for, 0);
    cr_assert_eq(scene.failures.count, 1);
    cr_assert_str_eq(scene.failures.reasons[0], "no answer within connect_timeout");
    race_end(&run.race, 0);
    cr_assert(resources_return_to(before));
    dial_scene_fill(&hole);
    dial_scene_end(&scene);
}

Test(race, several_attempts_are_waited_for_as_one)
{
    char alive[64];
    struct dial_scene_hole holes[2];
    dial_scene_dig(&holes[0]);
    dial_scene_dig(&holes[1]);
    const char *texts[] = {holes[0].address, holes[1].address, alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    struct run run;
    dial_scene_begin(&scene, texts, 3);
    scene.dial.deadline_us = clock_deadline_ms(900);
    struct resources before = resources_now();
    run_race(&run, &scene);
    cr_assert_eq(run.result, RACE_WON);
    cr_assert_eq(scene.winner.of, &scene.addresses[2]);
    cr_assert_eq(run.waited_for, run.race.set);
    cr_assert_eq(run.race.count, 2);
    race_end(&run.race, 0);
    close(run.fd);
    cr_assert(resources_return_to(before));
    close(listener);
    dial_scene_fill(&holes[0]);
    dial_scene_fill(&holes[1]);
    dial_scene_end(&scene);
}

static void *fill_soon(void *arg)
{
    pause_ms(50);
    dial_scene_fill(arg); /* resets those that connect */
    return NULL;
}

/* The next address need not wait for the time of the first. */
Test(race, an_attempt_that_fails_while_others_wait_is_seen)
{
    char refused[64];
    struct dial_scene_hole hole;
    pthread_t thread;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address, refused};
    int bound = dial_scene_socket(false, refused);
    struct dial_scene scene;
    struct run run;
    dial_scene_begin(&scene, texts, 2);
    cr_assert_eq(pthread_create(&thread, NULL, fill_soon, &hole), 0);
    int64_t began_us = clock_now_us();
    run_race(&run, &scene);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(run.result, RACE_FAILED);
    cr_assert_eq(scene.failures.count, 2);
    cr_assert_str_eq(scene.failures.reasons[0], "Connection refused");
    cr_assert_lt(clock_now_us() - began_us, 10000000, "long before the deadline");
    race_end(&run.race, 0);
    close(bound);
    dial_scene_end(&scene);
}

Test(race, a_name_is_waited_for)
{
    char alive[64], name[64];
    const char *texts[] = {"nowhere.invalid:1", name};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    struct run run;
    (void)snprintf(name, sizeof(name), "localhost%s", strrchr(alive, ':'));
    dial_scene_begin(&scene, texts, 2);
    struct resources before = resources_now();
    run_race(&run, &scene);
    cr_assert_eq(run.result, RACE_WON);
    cr_assert_eq(scene.winner.of, &scene.addresses[1]);
    cr_assert_str_eq(scene.failures.addresses[0], "nowhere.invalid:1");
    cr_assert_eq(run.waited_for, run.race.set);
    race_end(&run.race, 0);
    close(run.fd);
    cr_assert(resources_return_to(before));
    close(listener);
    dial_scene_end(&scene);
}

Test(race, given_up_in_the_middle_it_leaves_nothing)
{
    struct dial_scene_hole hole;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address, "localhost:1"};
    static const int errors[] = {0, ECANCELED, ENETDOWN};
    for (size_t i = 0; i < 3; i++) {
        struct dial_scene scene;
        struct race race;
        struct pollfd own;
        int fd;
        dial_scene_begin(&scene, texts, 2);
        struct resources before = resources_now();
        race_begin(&race, &scene.dial);
        cr_assert_eq(race_step(&race, &scene.winner, &fd), RACE_WAITS);
        (void)race_wait(&race, &own);
        race_end(&race, errors[i]);
        cr_assert_eq(scene.failures.count, i == 2, "only a failure is reported");
        cr_assert(resources_return_to(before));
        dial_scene_end(&scene);
    }
    dial_scene_fill(&hole);
}

/* Then it looks from time to time. */
Test(race, goes_on_without_a_descriptor_for_the_set)
{
    char alive[64];
    struct dial_scene_hole hole;
    struct rlimit before;
    dial_scene_dig(&hole);
    const char *texts[] = {hole.address, alive};
    int listener = dial_scene_socket(true, alive);
    struct dial_scene scene;
    struct race race;
    struct pollfd own;
    int fd;
    dial_scene_begin(&scene, texts, 2);
    race_begin(&race, &scene.dial);
    cr_assert_eq(race_step(&race, &scene.winner, &fd), RACE_WAITS);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int64_t until_us = race_wait(&race, &own);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(own.fd, -1);
    cr_assert_leq(until_us, clock_deadline_ms(20));
    cr_assert_geq(race_wait(&race, &own), until_us);
    cr_assert_geq(own.fd, 0, "and has one when there is one again");
    race_end(&race, ECANCELED);
    close(listener);
    dial_scene_fill(&hole);
    dial_scene_end(&scene);
}

/* 20 ms apart at first, 160 at the end. */
Test(race, a_busy_unix_socket_is_tried_less_and_less_often)
{
    char path[] = "/tmp/actpass-race-XXXXXX";
    char text[160];
    cr_assert_not_null(mkdtemp(path));
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof(where.sun_path), "%s/socket", path);
    (void)snprintf(text, sizeof(text), "unix:%s", where.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&where, sizeof(where)), 0);
    cr_assert_eq(listen(listener, 0), 0);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(first, (struct sockaddr *)&where, sizeof(where)), 0);
    const char *texts[] = {text};
    struct dial_scene scene;
    struct run run;
    dial_scene_begin(&scene, texts, 1);
    scene.dial.deadline_us = clock_deadline_ms(500);
    run_race(&run, &scene);
    cr_assert_eq(run.result, RACE_FAILED);
    cr_assert_eq(run.waited_for, -1, "there is nothing to wait for");
    cr_assert(run.without >= 2 && run.without <= 20, "%u", run.without);
    race_end(&run.race, 0);
    close(first);
    close(listener);
    (void)unlink(where.sun_path);
    (void)rmdir(path);
    dial_scene_end(&scene);
}
