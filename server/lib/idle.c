#include "server/lib/idle.h"

#include "relay/clock.h"

#include <malloc.h>
#include <stdatomic.h>

/* The heap belongs to the process, and so do these: when the last trim began, and when the next one
 * may begin. */
static _Atomic int64_t trimmed_us, next_us;

int64_t idle_trim(int64_t since_us)
{
    enum { SHARE = 100 };
    int64_t now_us = clock_now_us();
    int64_t last_us = atomic_load(&trimmed_us);
    int64_t due_us = atomic_load(&next_us);
    if (due_us < since_us + IDLE_SETTLE_US)
        due_us = since_us + IDLE_SETTLE_US;
    if (last_us >= since_us)
        return 0;
    if (now_us < due_us)
        return due_us;
    if (!atomic_compare_exchange_strong(&trimmed_us, &last_us, now_us))
        return 0; /* another thread has just begun */
    (void)malloc_trim(0);
    int64_t end_us = clock_now_us();
    atomic_store(&next_us, end_us + SHARE * (end_us - now_us));
    return 0;
}
