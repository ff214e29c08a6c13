#include "server/lib/ocsp/schedule.h"

enum { RETRY_MIN_MS = 2000, RETRY_MAX_MS = 3600000, LEAST_MS = 1000 };

/* A part of RANGE. */
static int64_t part(int64_t range, uint32_t chance)
{
    return range > 0 ? (int64_t)(chance % (uint64_t)(range + 1)) : 0;
}

int64_t ocsp_renew_ms(int64_t now_s, int64_t from_s, int64_t until_s, uint32_t chance)
{
    int64_t life_ms = (until_s - from_s) * 1000;
    int64_t left_ms = (until_s - now_s) * 1000;
    int64_t wait_ms = left_ms - life_ms / 2 + part(life_ms / 10, chance);
    if (wait_ms <= 0)
        wait_ms = left_ms / 2;
    return wait_ms < LEAST_MS ? LEAST_MS : wait_ms;
}

int64_t ocsp_retry_ms(unsigned failures, uint32_t chance)
{
    int64_t wait_ms = RETRY_MIN_MS;
    for (unsigned i = 1; i < failures && wait_ms < RETRY_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms > RETRY_MAX_MS)
        wait_ms = RETRY_MAX_MS;
    return wait_ms + part(wait_ms / 4, chance);
}
