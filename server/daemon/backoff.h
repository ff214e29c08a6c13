/* How long to wait before dialing again: exponential, with jitter, so that many clients that lost
 * the same peer do not return at the same moment, nor two peers that dial each other. No state but
 * its own and the random source; for one thread. */
#ifndef ACTPASS_SERVER_BACKOFF_H
#define ACTPASS_SERVER_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t min_ms, max_ms;
    int64_t jitter_ms; /* over which each wait is spread at least, as far as max_ms lets it */
    unsigned failures; /* consecutive */
};

/* Call this when an attempt has ended. Returns how long to wait: a random time between the min wait
 * and twice that, then four times that, and so on up to the max wait; or between the min wait and
 * that plus the jitter, if that is longer. */
int64_t backoff_next_ms(struct backoff *backoff);

/* Such a wait as after a first failure, which does not count as one. */
int64_t backoff_first_ms(const struct backoff *backoff);

/* Call this when a connection has lasted: the next wait is the first one again. */
void backoff_reset(struct backoff *backoff);

/* A random time from 0 to MAX. */
int64_t backoff_spread(int64_t max);

#endif
