#include "relay/clock.h"

#include <criterion/criterion.h>

Test(clock, goes_forward_in_microseconds)
{
    struct timespec pause = {.tv_nsec = 2000000};
    int64_t before = clock_now_us();
    nanosleep(&pause, NULL);
    int64_t after = clock_now_us();
    cr_assert_geq(after - before, 2000, "2 ms are at least 2000 us");
    cr_assert_gt(before, 0);
}

Test(clock, deadline_is_now_and_the_milliseconds)
{
    int64_t before = clock_now_us();
    int64_t deadline = clock_deadline_ms(1500);
    int64_t after = clock_now_us();
    cr_assert_geq(deadline, before + 1500000);
    cr_assert_leq(deadline, after + 1500000);
}

Test(clock, negative_and_overlong_are_never)
{
    static const int64_t rows[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 1000};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(clock_deadline_ms(rows[i]), DEADLINE_NEVER, "%lld", (long long)rows[i]);
    cr_assert_neq(clock_deadline_ms(0), DEADLINE_NEVER);
}

Test(clock, left_of_never_is_no_limit)
{
    struct timespec storage;
    cr_assert_null(clock_left(DEADLINE_NEVER, &storage));
}

Test(clock, left_is_zero_once_past)
{
    struct timespec storage = {.tv_sec = 7, .tv_nsec = 7};
    cr_assert_eq(clock_left(clock_now_us() - 5, &storage), &storage);
    cr_assert_eq(storage.tv_sec, 0);
    cr_assert_eq(storage.tv_nsec, 0);
    (void)clock_left(0, &storage);
    cr_assert_eq(storage.tv_sec, 0);
}

Test(clock, left_is_what_remains)
{
    struct timespec storage = {0};
    int64_t before = clock_now_us();
    int64_t deadline = before + 3500000;
    cr_assert_eq(clock_left(deadline, &storage), &storage);
    int64_t after = clock_now_us();
    int64_t left = (int64_t)storage.tv_sec * 1000000 + storage.tv_nsec / 1000;
    cr_assert_leq(left, deadline - before);
    cr_assert_geq(left, deadline - after);
    cr_assert_lt(storage.tv_nsec, 1000000000L);
}

Test(clock, absolute_splits_seconds_and_nanoseconds)
{
    struct timespec at = clock_absolute(12345678901);
    cr_assert_eq(at.tv_sec, 12345);
    cr_assert_eq(at.tv_nsec, 678901000L);
    at = clock_absolute(DEADLINE_NEVER);
    cr_assert_gt(at.tv_sec, 1000000000);
    cr_assert_lt(at.tv_nsec, 1000000000L);
    at = clock_absolute(-5);
    cr_assert_eq(at.tv_sec, 0, "a deadline before the clock began is past");
    cr_assert_eq(at.tv_nsec, 0);
}
