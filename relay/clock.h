/* Time: CLOCK_MONOTONIC in microseconds, and deadlines as absolute times. Any thread. */
#ifndef ACTPASS_RELAY_CLOCK_H
#define ACTPASS_RELAY_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define DEADLINE_NEVER INT64_MAX

int64_t clock_now_us(void);

/* Returns the deadline in MS milliseconds; DEADLINE_NEVER for a negative number. */
int64_t clock_deadline_ms(int64_t ms);

/* Returns the time until the deadline, for ppoll: NULL for DEADLINE_NEVER, otherwise *storage,
 * which is zero if the deadline has passed. */
const struct timespec *clock_left(int64_t deadline_us, struct timespec *storage);

/* Initializes a condition variable whose timed waits take clock_absolute. Returns 0 or an errno. */
int clock_init_cond(pthread_cond_t *cond);

/* The deadline as an absolute CLOCK_MONOTONIC time, for pthread_cond_timedwait. */
struct timespec clock_absolute(int64_t deadline_us);

#endif
