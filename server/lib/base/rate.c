#include "server/lib/base/rate.h"

#include <stdatomic.h>

bool rate_take(const struct rate *rate, int64_t *full_us, int64_t now_us)
{
    int64_t from_us = *full_us > now_us ? *full_us : now_us;
    if (from_us - now_us > (rate->burst - 1) * rate->interval_us)
        return false;
    *full_us = from_us + rate->interval_us;
    return true;
}

int64_t rate_next_us(const struct rate *rate, int64_t full_us, int64_t now_us)
{
    int64_t next_us = full_us - (rate->burst - 1) * rate->interval_us;
    return next_us > now_us ? next_us : now_us;
}

bool rate_take_shared(const struct rate *rate, _Atomic int64_t *full_us, int64_t now_us)
{
    int64_t before_us = atomic_load(full_us);
    int64_t after_us;
    do {
        after_us = before_us;
        if (!rate_take(rate, &after_us, now_us))
            return false;
    } while (!atomic_compare_exchange_weak(full_us, &before_us, after_us));
    return true;
}

bool rate_first(_Atomic int64_t *last_us, int64_t quiet_us, int64_t now_us)
{
    int64_t before_us = atomic_exchange(last_us, now_us);
    return before_us == 0 || now_us - before_us >= quiet_us;
}
