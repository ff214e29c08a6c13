#include "server/daemon/crew/timers.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { COUNT = 300 };

/* One timer, and how often it has expired. */
struct alarm {
    struct timer timer; /* must be the first member */
    atomic_uint rings;
};

static void ring(struct timer *timer, void *arg)
{
    atomic_uint *all = arg;
    atomic_fetch_add(&((struct alarm *)timer)->rings, 1);
    atomic_fetch_add(all, 1);
}

static unsigned expire(struct timers *timers, int64_t now_us)
{
    atomic_uint rings = 0;
    timers_expire(timers, now_us, ring, &rings);
    return atomic_load(&rings);
}

static struct timers make(void)
{
    struct timers timers;
    cr_assert_eq(timers_init(&timers), 0);
    cr_assert_eq(timers_reserve(&timers, COUNT), 0);
    return timers;
}

static bool is_heap(const struct timers *timers)
{
    for (size_t i = 1; i < timers->count; i++)
        if (atomic_load(&timers->heap[(i - 1) / 2]->armed_us) >
            atomic_load(&timers->heap[i]->armed_us))
            return false;
    for (size_t i = 0; i < timers->count; i++)
        if (timers->heap[i]->place != i)
            return false;
    return true;
}

Test(timers, rings_once_when_the_deadline_has_come)
{
    struct timers timers = make();
    struct alarm alarm = {0};
    timer_init(&alarm.timer);
    timers_set(&timers, &alarm.timer, 1000);
    cr_assert_eq(expire(&timers, 999), 0);
    cr_assert_eq(expire(&timers, 1000), 1);
    cr_assert_eq(expire(&timers, 5000), 0);
    timers_set(&timers, &alarm.timer, 1000);
    cr_assert_eq(expire(&timers, 5000), 0, "the same deadline has been served");
    timers_set(&timers, &alarm.timer, 1001);
    cr_assert_eq(expire(&timers, 5000), 1, "another one has not, though it is past");
    timers_destroy(&timers);
}

Test(timers, later_earlier_and_never)
{
    struct timers timers = make();
    struct alarm alarm = {0};
    timer_init(&alarm.timer);
    timers_set(&timers, &alarm.timer, 1000);
    timers_set(&timers, &alarm.timer, 3000);
    cr_assert_eq(atomic_load(&alarm.timer.armed_us), 1000, "later costs no move in the heap");
    cr_assert_eq(expire(&timers, 2000), 0);
    cr_assert_eq(atomic_load(&alarm.timer.armed_us), 3000);
    timers_set(&timers, &alarm.timer, 2500);
    cr_assert_eq(expire(&timers, 2600), 1);
    timers_set(&timers, &alarm.timer, 4000);
    timers_set(&timers, &alarm.timer, DEADLINE_NEVER);
    cr_assert_eq(expire(&timers, 9000), 0);
    cr_assert_eq(timers.count, 0);
    timers_destroy(&timers);
}

Test(timers, removed_ones_do_not_ring)
{
    struct timers timers = make();
    static struct alarm alarms[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        timer_init(&alarms[i].timer);
        timers_set(&timers, &alarms[i].timer, (int64_t)(i * 7919 % COUNT) + 1);
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        timers_remove(&timers, &alarms[i].timer);
        cr_assert(is_heap(&timers));
    }
    timers_remove(&timers, &alarms[0].timer);
    cr_assert_eq(timers.count, COUNT / 2);
    cr_assert_eq(expire(&timers, COUNT), COUNT / 2);
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert_eq(atomic_load(&alarms[i].rings), i % 2);
    timers_destroy(&timers);
}

/* The same moves, and a list of deadlines that is searched from end to end. */
Test(timers, random_moves_agree_with_a_plain_list)
{
    struct timers timers = make();
    static struct alarm alarms[COUNT];
    static int64_t model[COUNT];
    unsigned seed = 7;
    for (unsigned i = 0; i < COUNT; i++) {
        timer_init(&alarms[i].timer);
        model[i] = DEADLINE_NEVER;
    }
    for (int64_t now_us = 1; now_us < 20000; now_us += rand_r(&seed) % 8) {
        unsigned i = (unsigned)rand_r(&seed) % COUNT;
        int64_t deadline_us = now_us + 1 + rand_r(&seed) % 1000;
        model[i] = deadline_us;
        timers_set(&timers, &alarms[i].timer, deadline_us);
        unsigned wanted = 0;
        for (i = 0; i < COUNT; i++)
            if (model[i] <= now_us) {
                model[i] = DEADLINE_NEVER;
                wanted++;
            }
        cr_assert_eq(expire(&timers, now_us), wanted);
        cr_assert(is_heap(&timers));
    }
    timers_destroy(&timers);
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

Test(timers, the_descriptor_tells_when_to_look)
{
    struct timers timers = make();
    struct alarm late = {0};
    struct alarm early = {0};
    timer_init(&late.timer);
    timer_init(&early.timer);
    cr_assert_not(readable(timers.fd, 20));
    timers_set(&timers, &late.timer, clock_deadline_ms(60000));
    cr_assert_not(readable(timers.fd, 20));
    timers_set(&timers, &early.timer, clock_deadline_ms(30));
    cr_assert(readable(timers.fd, 10000));
    cr_assert_eq(expire(&timers, clock_now_us()), 1, "never before its time");
    cr_assert_not(readable(timers.fd, 20), "it is set to the next deadline");
    timers_set(&timers, &early.timer, 0);
    cr_assert(readable(timers.fd, 10000), "a deadline long past");
    timers_remove(&timers, &early.timer);
    timers_remove(&timers, &late.timer);
    timers_destroy(&timers);
}

struct owner {
    struct timers *timers;
    struct alarm alarms[20];
    unsigned seed;
};

static void *move_many(void *arg)
{
    struct owner *owner = arg;
    for (unsigned i = 0; i < 20; i++)
        timer_init(&owner->alarms[i].timer);
    for (unsigned i = 0; i < 20000; i++) {
        struct timer *timer = &owner->alarms[rand_r(&owner->seed) % 20].timer;
        int64_t ahead_us = rand_r(&owner->seed) % 1000;
        if (i % 16 == 0)
            timers_remove(owner->timers, timer);
        else
            timers_set(owner->timers, timer, clock_now_us() + ahead_us);
    }
    for (unsigned i = 0; i < 20; i++) {
        atomic_store(&owner->alarms[i].rings, 0);
        timers_set(owner->timers, &owner->alarms[i].timer, clock_now_us() + 1000 + i);
    }
    return NULL;
}

/* Owners move their timers while they expire; each one's last deadline is served. */
Test(timers, none_is_lost_while_they_are_moved, .timeout = 60)
{
    struct timers timers = make();
    static struct owner owners[3];
    pthread_t threads[3];
    atomic_uint rings = 0;
    for (unsigned i = 0; i < 3; i++) {
        owners[i] = (struct owner){.timers = &timers, .seed = i + 1};
        cr_assert_eq(pthread_create(&threads[i], NULL, move_many, &owners[i]), 0);
    }
    for (int64_t until_us = clock_deadline_ms(100); clock_now_us() < until_us;)
        timers_expire(&timers, clock_now_us(), ring, &rings);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    pause_ms(3);
    cr_assert(readable(timers.fd, 10000) || timers.count == 0);
    timers_expire(&timers, clock_now_us(), ring, &rings);
    cr_assert_eq(timers.count, 0);
    for (unsigned i = 0; i < 60; i++)
        cr_assert_geq(atomic_load(&owners[i / 20].alarms[i % 20].rings), 1);
    timers_destroy(&timers);
}
