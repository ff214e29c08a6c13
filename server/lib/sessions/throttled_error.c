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

void throttled_error_note(struct throttled_error *throttled, const struct error_text *error)
{
    lock_take(&throttled->lock);
    throttled->error = *error;
    atomic_store(&throttled->noted, true);
    lock_release(&throttled->lock);
}

bool throttled_error_take(struct throttled_error *throttled, struct error_text *error)
{
    if (!atomic_load_explicit(&throttled->noted, memory_order_relaxed))
        return false;
    lock_take(&throttled->lock);
    bool take = atomic_load(&throttled->noted) &&
                rate_take(&one_a_minute, &throttled->full_us, clock_now_us());
    if (take) {
        *error = throttled->error;
        atomic_store(&throttled->noted, false);
    }
    lock_release(&throttled->lock);
    return take;
}
