/* What is dialed when, with a clock that is given. */
#include "server/daemon/callhome/schedule.h"

#include "relay/clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define S INT64_C(1000000) /* in microseconds */

static struct config_dial kept(uint64_t spare, uint64_t max)
{
    return (struct config_dial){.persistent = true,
                                .keep = {.spare = spare, .max = max},
                                .retry_min_ms = 1000,
                                .retry_max_ms = 60000};
}

/* Dials all that are due. Returns how many. */
static int dial_all(struct schedule *schedule, int64_t now_us)
{
    int dialed = 0;
    while (schedule_due_us(schedule, now_us) <= now_us) {
        schedule_dials(schedule);
        cr_assert_lt(dialed++, 1000);
    }
    return dialed;
}

static struct schedule begun(const struct config_dial *dial, int64_t now_us)
{
    struct schedule schedule;
    schedule_begin(&schedule, dial, now_us);
    return schedule;
}

Test(schedule, spares_are_dialed_at_once_and_replaced_at_once_up_to_the_max)
{
    const struct config_dial dial = kept(2, 5);
    struct schedule schedule = begun(&dial, S);
    cr_assert_eq(dial_all(&schedule, S), 2);
    schedule_up(&schedule, 2 * S);
    schedule_up(&schedule, 2 * S);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(schedule_due_us(&schedule, 3 * S), DEADLINE_NEVER);
        schedule_used(&schedule, 3 * S);
        cr_assert_eq(dial_all(&schedule, 3 * S), 1, "use %d", i);
        schedule_up(&schedule, 3 * S);
    }
    schedule_used(&schedule, 3 * S);
    cr_assert_eq(dial_all(&schedule, 3 * S), 0, "there are five");
    cr_assert_eq(schedule_ended(&schedule, SCHEDULE_WAS_USED, 4 * S), -1);
    cr_assert_eq(dial_all(&schedule, 4 * S), 1, "there is room again");
    cr_assert_eq(dial_all(&schedule, 4 * S), 0);
}

/* As "persistent": true has always been: each end has its wait. */
Test(schedule, one_connection_waits_after_each_end)
{
    const struct config_dial dial = kept(1, 1);
    struct schedule schedule = begun(&dial, S);
    int64_t now_us = S;
    int64_t longest_ms = 0;
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(dial_all(&schedule, now_us), 1);
        schedule_up(&schedule, now_us);
        if (i % 2)
            schedule_used(&schedule, now_us);
        cr_assert_eq(dial_all(&schedule, now_us), 0);
        int64_t wait_ms =
            schedule_ended(&schedule, i % 2 ? SCHEDULE_WAS_USED : SCHEDULE_UNUSED, now_us);
        cr_assert(wait_ms >= 1000 && wait_ms <= 60000);
        cr_assert_eq(schedule_due_us(&schedule, now_us), now_us + wait_ms * 1000);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        now_us += wait_ms * 1000;
    }
    cr_assert_gt(longest_ms, 4000, "ends that come early do not reset the waits");
    cr_assert_eq(dial_all(&schedule, now_us), 1);
    schedule_up(&schedule, now_us);
    now_us += 60 * S;
    cr_assert_leq(schedule_ended(&schedule, SCHEDULE_UNUSED, now_us), 2000, "it has lasted");
}

/* The collector goes: all spares end together, which is one failure, and then one dial at a time is
 * made until one is up. */
Test(schedule, many_ends_are_one_failure_and_one_probe_looks_for_the_peer)
{
    const struct config_dial dial = kept(10, 64);
    struct schedule schedule = begun(&dial, S);
    cr_assert_eq(dial_all(&schedule, S), 10);
    for (int i = 0; i < 10; i++)
        schedule_up(&schedule, S);
    int64_t now_us = 1000 * S;
    int64_t wait_ms = schedule_ended(&schedule, SCHEDULE_UNUSED, now_us);
    cr_assert(wait_ms >= 1000 && wait_ms <= 2000);
    for (int i = 1; i < 10; i++)
        cr_assert_eq(schedule_ended(&schedule, SCHEDULE_UNUSED, now_us), -1);
    now_us += wait_ms * 1000;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(dial_all(&schedule, now_us), 1);
        wait_ms = schedule_ended(&schedule, SCHEDULE_FAILED, now_us);
        cr_assert_geq(wait_ms, 1000);
        now_us += wait_ms * 1000;
    }
    int rounds = 0;
    for (int up = 0; up < 10; rounds++) {
        int dialed = dial_all(&schedule, now_us);
        cr_assert_leq(dialed, 1, "one after the other");
        if (dialed) {
            schedule_up(&schedule, now_us);
            up++;
        }
        now_us += S / 10;
    }
    cr_assert_geq(rounds, 90, "with a second or two between them");
    now_us += 60 * S;
    schedule_used(&schedule, now_us);
    schedule_used(&schedule, now_us);
    cr_assert_eq(dial_all(&schedule, now_us), 2, "it has been back for so long that all is well");
}

/* A peer that uses each connection at once and drops it is not dialed in a circle. */
Test(schedule, replacements_have_a_limit)
{
    const struct config_dial dial = kept(1, 4);
    struct schedule schedule = begun(&dial, S);
    int dialed = 0;
    for (int64_t now_us = S; now_us < 11 * S; now_us += S / 1000) {
        if (dial_all(&schedule, now_us) == 0)
            continue;
        dialed++;
        schedule_up(&schedule, now_us);
        schedule_used(&schedule, now_us);
        cr_assert_eq(schedule_ended(&schedule, SCHEDULE_WAS_USED, now_us), -1);
    }
    cr_assert(dialed > 30 && dialed <= 4 + 41, "%d in ten seconds", dialed);
}

/* ---- A herd ---------------------------------------------------------------------------------- */

enum { DEVICES = 1000, LIMIT = 100 };

struct device {
    struct schedule schedule;
    int64_t up_us;
};

/* The collector is back after DOWN: devices that dial before are refused. Returns when the last one
 * is up, and in *MOST the largest number of dials in any second. */
static int64_t return_of_the_herd(struct device *devices, int64_t down_us, int *most)
{
    static int dials[200 * 100]; /* in each hundredth of a second */
    int64_t end_us = 0;
    memset(dials, 0, sizeof(dials));
    for (size_t i = 0; i < DEVICES; i++) {
        struct schedule *schedule = &devices[i].schedule;
        int64_t due_us;
        while ((due_us = schedule_due_us(schedule, S)) != DEADLINE_NEVER) {
            dials[(due_us - S) / (S / 100)]++;
            schedule_dials(schedule);
            if (due_us - S < down_us)
                (void)schedule_ended(schedule, SCHEDULE_FAILED, due_us);
            else
                schedule_up(schedule, due_us);
            end_us = due_us > end_us ? due_us : end_us;
        }
    }
    *most = 0;
    for (size_t i = 0; i + 100 <= sizeof(dials) / sizeof(dials[0]); i++) {
        int sum = 0;
        for (size_t j = 0; j < 100; j++)
            sum += dials[i + j];
        *most = sum > *most ? sum : *most;
    }
    return end_us - S;
}

/* With a jitter of 24 s there are 42 dials a second, and with a standard deviation of 7 a hundred
 * has a chance of about 1e-15. */
Test(schedule, a_thousand_devices_return_within_thirty_seconds_and_not_together)
{
    struct config_dial dial = kept(1, 8);
    struct device *devices = calloc(DEVICES, sizeof(*devices));
    cr_assert(devices);
    dial.retry_jitter_ms = 24000;
    for (int round = 0; round < 20; round++) {
        int most;
        int64_t down_us = round % 5 * S;
        for (size_t i = 0; i < DEVICES; i++) {
            devices[i].schedule = begun(&dial, 0);
            cr_assert_eq(dial_all(&devices[i].schedule, 0), 1);
            schedule_up(&devices[i].schedule, 0);
            (void)schedule_ended(&devices[i].schedule, SCHEDULE_UNUSED, S);
        }
        int64_t last_us = return_of_the_herd(devices, down_us, &most);
        cr_assert_leq(last_us, 30 * S, "down for %d s", round % 5);
        cr_assert_leq(most, LIMIT, "down for %d s", round % 5);
    }
    free(devices);
}

/* ---- Periods --------------------------------------------------------------------------------- */

static struct config_dial hourly(void)
{
    return (struct config_dial){
        .periodic = true,
        .keep = {.spare = 1, .max = 1, .every_ms = 3600000, .window_ms = 600000, .attempts = 3},
        .retry_min_ms = 1000,
        .retry_max_ms = 60000};
}

Test(schedule, one_call_in_each_period_somewhere_in_its_window)
{
    const struct config_dial dial = hourly();
    struct schedule schedule = begun(&dial, 7 * S);
    int64_t early = 0;
    for (int64_t period = 0; period < 200; period++) {
        int64_t begin_us = 7 * S + period * 3600 * S;
        int64_t due_us = schedule_due_us(&schedule, begin_us);
        cr_assert(due_us >= begin_us && due_us <= begin_us + 600 * S, "period %d", (int)period);
        early += due_us < begin_us + 300 * S;
        schedule_dials(&schedule);
        schedule_up(&schedule, due_us);
        cr_assert_eq(schedule_due_us(&schedule, due_us), DEADLINE_NEVER);
        if (period % 2)
            schedule_used(&schedule, due_us);
        int64_t wait_ms = schedule_ended(
            &schedule, period % 2 ? SCHEDULE_WAS_USED : SCHEDULE_UNUSED, due_us + 100 * S);
        cr_assert_eq(due_us + 100 * S + wait_ms * 1000, schedule_due_us(&schedule, due_us));
    }
    cr_assert(early > 60 && early < 140, "%d of 200 in the first half", (int)early);
}

Test(schedule, a_call_that_lasts_leaves_periods_out)
{
    const struct config_dial dial = hourly();
    struct schedule schedule = begun(&dial, 0);
    int64_t due_us = schedule_due_us(&schedule, 0);
    schedule_dials(&schedule);
    schedule_up(&schedule, due_us);
    (void)schedule_ended(&schedule, SCHEDULE_UNUSED, 2 * 3600 * S + 5 * S);
    due_us = schedule_due_us(&schedule, 2 * 3600 * S + 5 * S);
    cr_assert(due_us >= 3 * 3600 * S && due_us <= 3 * 3600 * S + 600 * S);
}

Test(schedule, attempts_in_vain_are_limited)
{
    const struct config_dial dial = hourly();
    struct schedule schedule = begun(&dial, 0);
    for (int period = 0; period < 5; period++) {
        int64_t now_us = 0;
        for (int attempt = 0; attempt < 3; attempt++) {
            now_us = schedule_due_us(&schedule, now_us);
            cr_assert_leq(now_us, (period * 3600 + 600 + 10) * S);
            schedule_dials(&schedule);
            (void)schedule_ended(&schedule, SCHEDULE_FAILED, now_us);
        }
        now_us = schedule_due_us(&schedule, now_us);
        cr_assert_geq(now_us, (period + 1) * 3600 * S);
    }
}

/* A retry that would be in the next period is that period's call. */
Test(schedule, a_short_period_wins_over_a_long_wait)
{
    struct config_dial dial = hourly();
    dial.keep.every_ms = 500;
    dial.keep.window_ms = 0;
    struct schedule schedule = begun(&dial, 0);
    for (int period = 0; period < 5; period++) {
        cr_assert_eq(schedule_due_us(&schedule, 0), period * S / 2);
        schedule_dials(&schedule);
        (void)schedule_ended(&schedule, SCHEDULE_FAILED, period * S / 2 + 1);
    }
}
