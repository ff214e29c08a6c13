/* How long to wait before connecting again: exponential, with jitter, so that many that lost the
 * same peer do not come back at the same moment, nor two that dial each other. Pure but for the
 * random source; for one thread. */
#ifndef ACTPASS_SERVER_DAEMON_BACKOFF_H
#define ACTPASS_SERVER_DAEMON_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t least_ms, most_ms;
    unsigned failures; /* in a row */
};

/* Another attempt has come to an end: how long to wait, evenly spread from the least wait to twice
 * that, then to four times, and so on up to the most. */
int64_t backoff_next_ms(struct backoff *backoff);

/* The connection lived: begin anew. */
void backoff_reset(struct backoff *backoff);

#endif
