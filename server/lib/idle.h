/* Gives memory of idle connections back to the kernel. Any thread. */
#ifndef ACTPASS_SERVER_IDLE_H
#define ACTPASS_SERVER_IDLE_H

#include <stdint.h>

/* A wait of this time is long enough that a busy connection never pays for the release. */
#define IDLE_AFTER_US INT64_C(1000000)

/* This long after memory was freed, idle_trim is to be called. */
#define IDLE_SETTLE_US INT64_C(300000)

/* Gives the heap's free pages back to the kernel (malloc_trim(3)), for a caller that freed memory
 * at SINCE_US: allocations that live on between the freed buffers would keep these. One trim serves
 * all callers that freed memory before it, and at most a hundredth of the time is spent on trims.
 * Returns when to call again; 0: nothing is left to do. */
int64_t idle_trim(int64_t since_us);

#endif
