#include "server/daemon/watchdog.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

struct rig {
    int manager;
    struct notify *notify;
    struct crew *crew;
    struct watchdog *watchdog;
};

/* A stand-in for the manager, at an abstract name that only this process has. */
static void set_up(struct rig *rig, enum crew_parking parking, const char *usec)
{
    struct error_text error = {.text = ""};
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char name[64];
    (void)snprintf(name, sizeof(name), "@actpass-watchdog-%d", (int)getpid());
    memcpy(where.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t length = (socklen_t)(sizeof(where.sun_family) + strlen(name));
    rig->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(rig->manager, (struct sockaddr *)&where, length), 0);
    rig->notify = notify_new(
        &(struct notify_environment){.notify_socket = name, .watchdog_usec = usec}, &error);
    cr_assert_not_null(rig->notify, "%s", error.text);
    rig->crew =
        crew_new(&(struct crew_options){.threads = 1, .threads_max = 2, .parking = parking});
    cr_assert_not_null(rig->crew);
    rig->watchdog = watchdog_new(rig->notify, rig->crew);
}

static void tear_down(struct rig *rig)
{
    watchdog_stop(rig->watchdog);
    crew_free(rig->crew);
    watchdog_free(rig->watchdog);
    notify_free(rig->notify);
    close(rig->manager);
}

/* What the accept thread does, until the manager was notified COUNT times or the time is over.
 * Returns how often it was. */
static unsigned tick_until(struct rig *rig, unsigned count, int64_t deadline_us)
{
    char text[64];
    unsigned fed = 0;
    while (fed < count && clock_now_us() < deadline_us) {
        (void)watchdog_tick(rig->watchdog);
        while (recv(rig->manager, text, sizeof(text), 0) > 0)
            fed++;
        pause_ms(1);
    }
    return fed;
}

Test(watchdog, is_fed_while_the_crew_runs)
{
    static const enum crew_parking ways[] = {CREW_PARK_USUAL, CREW_PARK_ALWAYS, CREW_PARK_NEVER};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct resources before = resources_now();
        struct rig rig;
        set_up(&rig, ways[i], "8000");
        cr_assert_not_null(rig.watchdog);
        cr_assert_geq(tick_until(&rig, 5, clock_deadline_ms(PATIENCE_MS)), 5, "way %zu", i);
        tear_down(&rig);
        cr_assert(resources_return_to(before), "way %zu", i);
    }
}

static enum task_next hang(struct task *task, void *arg)
{
    sem_t *semaphores = arg;
    (void)task;
    sem_post(&semaphores[0]);
    while (sem_wait(&semaphores[1]) != 0)
        ;
    return TASK_END;
}

/* The one thread that may run hangs, as in a deadlock. What was under way before is fed. */
Test(watchdog, starves_while_the_crew_hangs)
{
    struct rig rig;
    sem_t semaphores[2];
    set_up(&rig, CREW_PARK_USUAL, "8000");
    cr_assert_eq(tick_until(&rig, 1, clock_deadline_ms(PATIENCE_MS)), 1);
    cr_assert_eq(sem_init(&semaphores[0], 0, 0) + sem_init(&semaphores[1], 0, 0), 0);
    struct task *task = task_new(rig.crew, hang, semaphores);
    cr_assert_not_null(task);
    task_start(task, TASK_RUN_NOW);
    cr_assert_eq(sem_wait(&semaphores[0]), 0);
    cr_assert_leq(tick_until(&rig, UINT32_MAX, clock_deadline_ms(60)), 1);
    sem_post(&semaphores[1]);
    cr_assert_geq(tick_until(&rig, 3, clock_deadline_ms(PATIENCE_MS)), 3);
    tear_down(&rig);
}

Test(watchdog, says_when_it_is_due)
{
    struct rig rig;
    set_up(&rig, CREW_PARK_USUAL, "4000000000");
    int64_t before_us = clock_now_us();
    int64_t due_us = watchdog_tick(rig.watchdog);
    cr_assert_geq(due_us, before_us + 1000000000);
    cr_assert_eq(watchdog_tick(rig.watchdog), due_us);
    tear_down(&rig);
}

Test(watchdog, there_is_none_without_a_wish_for_it)
{
    struct rig rig;
    set_up(&rig, CREW_PARK_USUAL, NULL);
    cr_assert_null(rig.watchdog);
    cr_assert_eq(watchdog_tick(NULL), DEADLINE_NEVER);
    tear_down(&rig);
}
