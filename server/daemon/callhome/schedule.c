#include "server/daemon/callhome/schedule.h"

#include "relay/clock.h"

void schedule_begin(struct schedule *schedule, const struct config_dial *dial, int64_t now_us)
{
    const struct config_keep *keep = &dial->keep;
    uint64_t max = dial->periodic ? 1 : keep->max;
    *schedule = (struct schedule){
        .periodic = dial->periodic,
        .spare = dial->periodic ? 1 : keep->spare,
        .max = max,
        .every_us = keep->every_ms * 1000,
        .window_ms = keep->window_ms,
        .attempts = keep->attempts,
        .replacing = {.interval_us = dial->retry_min_ms * 1000 / (int64_t)max,
                      .burst = (int64_t)max},
        .backoff = {.min_ms = dial->retry_min_ms,
                    .max_ms = dial->retry_max_ms,
                    .jitter_ms = dial->retry_jitter_ms},
        .next_us = now_us,
        .period_us = now_us,
    };
    if (schedule->periodic)
        schedule->next_us += backoff_spread(schedule->window_ms) * 1000;
}

/* After a quiet time there have been no failures. */
static void forget_failures(struct schedule *schedule, int64_t now_us)
{
    if (schedule->steady_us != 0 && now_us - schedule->steady_us >= schedule->backoff.max_ms * 1000)
        backoff_reset(&schedule->backoff);
}

int64_t schedule_due_us(struct schedule *schedule, int64_t now_us)
{
    forget_failures(schedule, now_us);
    if (schedule->unused >= schedule->spare || schedule->unused + schedule->used >= schedule->max)
        return DEADLINE_NEVER;
    bool probing = schedule->backoff.failures > 0 && schedule->dialing > 0;
    return probing ? DEADLINE_NEVER : schedule->next_us;
}

void schedule_dials(struct schedule *schedule)
{
    schedule->unused++;
    schedule->dialing++;
    schedule->tried++;
}

static void wait_until(struct schedule *schedule, int64_t until_us)
{
    if (schedule->next_us < until_us)
        schedule->next_us = until_us;
}

void schedule_up(struct schedule *schedule, int64_t now_us)
{
    schedule->dialing--;
    if (schedule->steady_us == 0)
        schedule->steady_us = now_us;
    if (schedule->backoff.failures > 0)
        wait_until(schedule, now_us + backoff_first_ms(&schedule->backoff) * 1000);
}

void schedule_used(struct schedule *schedule, int64_t now_us)
{
    schedule->unused--;
    schedule->used++;
    int64_t next_us = rate_next_us(&schedule->replacing, schedule->replaced_us, now_us);
    (void)rate_take(&schedule->replacing, &schedule->replaced_us, next_us);
    wait_until(schedule, next_us);
}

/* Skips the periods that have begun already. */
static int64_t next_period(struct schedule *schedule, int64_t now_us)
{
    int64_t passed = (now_us - schedule->period_us) / schedule->every_us;
    schedule->period_us += (passed + 1) * schedule->every_us;
    schedule->tried = 0;
    backoff_reset(&schedule->backoff);
    schedule->next_us = schedule->period_us + backoff_spread(schedule->window_ms) * 1000;
    return (schedule->next_us - now_us) / 1000;
}

static int64_t retry(struct schedule *schedule, int64_t now_us)
{
    int64_t wait_ms = backoff_next_ms(&schedule->backoff);
    schedule->next_us = schedule->retry_us = now_us + wait_ms * 1000;
    return wait_ms;
}

/* A further try that would be in the next period is left to that. */
static int64_t end_periodic(struct schedule *schedule, enum schedule_end end, int64_t now_us)
{
    if (end != SCHEDULE_FAILED || schedule->tried >= schedule->attempts)
        return next_period(schedule, now_us);
    int64_t wait_ms = retry(schedule, now_us);
    return schedule->next_us < schedule->period_us + schedule->every_us
               ? wait_ms
               : next_period(schedule, now_us);
}

/* Many that end together are one failure: while a wait for it lasts, others do not prolong it. */
static int64_t end_kept(struct schedule *schedule, int64_t now_us)
{
    forget_failures(schedule, now_us);
    schedule->steady_us = 0;
    return schedule->retry_us > now_us ? -1 : retry(schedule, now_us);
}

int64_t schedule_ended(struct schedule *schedule, enum schedule_end end, int64_t now_us)
{
    if (end == SCHEDULE_WAS_USED)
        schedule->used--;
    else
        schedule->unused--;
    if (end == SCHEDULE_FAILED)
        schedule->dialing--;
    if (schedule->periodic)
        return end_periodic(schedule, end, now_us);
    bool replaced = end == SCHEDULE_WAS_USED && schedule->max > 1;
    return replaced ? -1 : end_kept(schedule, now_us);
}
