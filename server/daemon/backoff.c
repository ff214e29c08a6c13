#include "server/daemon/backoff.h"

#include <stddef.h>
#include <sys/random.h>

/* The value is not secret: without a random source the waits are only less random. */
static uint64_t random_below(uint64_t limit)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        number = 0;
    return number % limit;
}

int64_t backoff_next_ms(struct backoff *backoff)
{
    int64_t ceiling_ms = backoff->min_ms;
    backoff->failures++;
    for (unsigned i = 0; i < backoff->failures && ceiling_ms < backoff->max_ms; i++)
        ceiling_ms *= 2;
    if (ceiling_ms > backoff->max_ms)
        ceiling_ms = backoff->max_ms;
    return backoff->min_ms + (int64_t)random_below((uint64_t)(ceiling_ms - backoff->min_ms) + 1);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
