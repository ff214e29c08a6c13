#include "server/lib/sessions/throttled_error.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/base/rate.h"

static const struct rate one_a_minute = {.interval_us = 60000000, .burst = 1};

bool throttled_error_init(struct throttled_error *throttled)
{
    *throttled = (struct throttled_error){.noted = false};
    return pthread_mutex_init(&throttled->lock, NULL) == 0;
}

void throttled_error_destroy(struct throttled_error *throttled)
{
    pthread_mutex_destroy(&throttled->lock);
}

void throttled_error_report_to(struct throttled_error *throttled,
                               void (*report)(const char *text, void *arg), void *arg)
{
    throttled->report = report;
    throttled->arg = arg;
}

static bool take(struct throttled_error *throttled, struct error_text *error)
{
    lock_take(&throttled->lock);
    bool taken = atomic_load(&throttled->noted) &&
                 rate_take(&one_a_minute, &throttled->full_us, clock_now_us());
    if (taken) {
        *error = throttled->error;
        atomic_store(&throttled->noted, false);
    }
    lock_release(&throttled->lock);
    return taken;
}

void throttled_error_note(struct throttled_error *throttled, const struct error_text *error)
{
    struct error_text due;
    lock_take(&throttled->lock);
    throttled->error = *error;
    atomic_store(&throttled->noted, true);
    lock_release(&throttled->lock);
    if (throttled->report && take(throttled, &due))
        throttled->report(due.text, throttled->arg);
}

bool throttled_error_take(struct throttled_error *throttled, struct error_text *error)
{
    return atomic_load_explicit(&throttled->noted, memory_order_relaxed) && !throttled->report &&
           take(throttled, error);
}
