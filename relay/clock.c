#include "relay/clock.h"

#include <stddef.h>

enum { US_PER_MS = 1000, US_PER_S = 1000000, NS_PER_US = 1000 };

static struct timespec to_timespec(int64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / US_PER_S),
                             .tv_nsec = (long)(us % US_PER_S) * NS_PER_US};
}

int64_t clock_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: both arguments are valid */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

int64_t clock_deadline_ms(int64_t ms)
{
    int64_t now = clock_now_us();
    if (ms < 0 || ms > (DEADLINE_NEVER - now) / US_PER_MS)
        return DEADLINE_NEVER;
    return now + ms * US_PER_MS;
}

const struct timespec *clock_left(int64_t deadline_us, struct timespec *storage)
{
    if (deadline_us == DEADLINE_NEVER)
        return NULL;
    int64_t now = clock_now_us();
    *storage = to_timespec(deadline_us > now ? deadline_us - now : 0);
    return storage;
}

struct timespec clock_absolute(int64_t deadline_us)
{
    return to_timespec(deadline_us > 0 ? deadline_us : 0);
}

int clock_init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error != 0)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}
