#include "server/lib/base/rate.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

enum { QUIET_US = 5000000, START_US = 1000 };

Test(rate, only_the_first_of_many_is_first)
{
    _Atomic int64_t last_us = 0;
    cr_assert(rate_first(&last_us, QUIET_US, START_US));
    for (int i = 0; i < 1000; i++)
        cr_assert_not(rate_first(&last_us, QUIET_US, START_US + i), "%d", i);
}

Test(rate, after_a_quiet_time_there_is_a_new_first)
{
    _Atomic int64_t last_us = 0;
    cr_assert(rate_first(&last_us, QUIET_US, START_US));
    cr_assert_not(rate_first(&last_us, QUIET_US, START_US + 4000000), "4 s are not quiet enough");
    cr_assert_not(rate_first(&last_us, QUIET_US, START_US + 8000000), "it lasts");
    cr_assert(rate_first(&last_us, QUIET_US, START_US + 13000000));
    cr_assert_not(rate_first(&last_us, QUIET_US, START_US + 13000000));
}

Test(rate, two_conditions_are_apart)
{
    _Atomic int64_t one = 0;
    _Atomic int64_t other = 0;
    cr_assert(rate_first(&one, QUIET_US, START_US));
    cr_assert(rate_first(&other, QUIET_US, START_US));
}

Test(rate, a_bucket_has_its_burst_and_then_one_each_interval)
{
    const struct rate rate = {.interval_us = 1000, .burst = 20};
    int64_t full_us = 0;
    int64_t now_us = START_US;
    for (int i = 0; i < 20; i++)
        cr_assert(rate_take(&rate, &full_us, now_us), "%d", i);
    cr_assert_not(rate_take(&rate, &full_us, now_us));
    cr_assert_not(rate_take(&rate, &full_us, now_us + 999));
    for (int i = 0; i < 100; i++) {
        now_us += 1000;
        cr_assert(rate_take(&rate, &full_us, now_us), "%d", i);
        cr_assert_not(rate_take(&rate, &full_us, now_us), "%d", i);
    }
    now_us += 20000; /* it is full again, and holds no more than that */
    for (int i = 0; i < 20; i++)
        cr_assert(rate_take(&rate, &full_us, now_us), "%d", i);
    cr_assert_not(rate_take(&rate, &full_us, now_us));
}

Test(rate, a_refusal_costs_nothing)
{
    const struct rate rate = {.interval_us = 1000, .burst = 1};
    int64_t full_us = 0;
    cr_assert(rate_take(&rate, &full_us, START_US));
    int64_t before_us = full_us;
    for (int i = 0; i < 1000; i++)
        cr_assert_not(rate_take(&rate, &full_us, START_US + i % 1000));
    cr_assert_eq(full_us, before_us);
    cr_assert(rate_take(&rate, &full_us, START_US + 1000));
}

struct shared {
    _Atomic int64_t full_us;
    atomic_int taken;
};

static void *take_many(void *arg)
{
    static const struct rate rate = {.interval_us = 1000, .burst = 100};
    struct shared *shared = arg;
    for (int i = 0; i < 1000; i++)
        if (rate_take_shared(&rate, &shared->full_us, START_US))
            atomic_fetch_add(&shared->taken, 1);
    return NULL;
}

Test(rate, threads_share_one_burst_exactly)
{
    enum { THREADS = 4 };
    struct shared shared = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_many, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(atomic_load(&shared.taken), 100);
}
