/* Rate limits for log lines, connections and other frequent events. The state of a limit is one
 * time in microseconds of clock_now_us, 0 at the beginning, which the caller keeps. No function
 * here allocates or locks. */
#ifndef ACTPASS_SERVER_BASE_RATE_H
#define ACTPASS_SERVER_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* BURST events at once, and one more each INTERVAL_US: a token bucket, counted as in the generic
 * cell rate algorithm (ITU-T I.371). The state is the time at which the bucket is full again. */
struct rate {
    int64_t interval_us;
    int64_t burst; /* at least 1 */
};

/* Takes one event from the bucket. False: it is empty, and *FULL_US is not changed. */
bool rate_take(const struct rate *rate, int64_t *full_us, int64_t now_us);

/* When one can be taken, if no other is meanwhile: NOW_US or later. */
int64_t rate_next_us(const struct rate *rate, int64_t full_us, int64_t now_us);

/* rate_take for a state that threads share. */
bool rate_take_shared(const struct rate *rate, _Atomic int64_t *full_us, int64_t now_us);

/* For the log line of a condition that lasts: true if it begins, which means that it was not noted
 * during the last QUIET_US. *LAST_US is when it was noted last; threads may share it. */
bool rate_first(_Atomic int64_t *last_us, int64_t quiet_us, int64_t now_us);

#endif
