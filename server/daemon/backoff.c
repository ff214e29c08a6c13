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

int64_t backoff_spread(int64_t max)
{
    return (int64_t)random_below((uint64_t)max + 1);
}

/* The longest wait after that many failures. */
static int64_t ceiling_of(const struct backoff *backoff, unsigned failures)
{
    int64_t ceiling_ms = backoff->min_ms;
    for (unsigned i = 0; i < failures && ceiling_ms < backoff->max_ms; i++)
        ceiling_ms *= 2;
    if (ceiling_ms < backoff->min_ms + backoff->jitter_ms)
        ceiling_ms = backoff->min_ms + backoff->jitter_ms;
    return ceiling_ms < backoff->max_ms ? ceiling_ms : backoff->max_ms;
}

static int64_t wait_after(const struct backoff *backoff, unsigned failures)
{
    return backoff->min_ms + backoff_spread(ceiling_of(backoff, failures) - backoff->min_ms);
}

int64_t backoff_next_ms(struct backoff *backoff)
{
    backoff->failures++;
    return wait_after(backoff, backoff->failures);
}

int64_t backoff_first_ms(const struct backoff *backoff)
{
    return wait_after(backoff, 1);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
