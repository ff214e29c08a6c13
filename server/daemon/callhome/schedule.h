/* What a service dials when, for one address or for several of which the first that answers is
 * taken: how many connections are wanted, and when the next one may be dialed. Pure but for the
 * random part of its waits: the time is always given. For one thread at a time.
 *
 * Kept connections: SPARE of them are to be open and unused, as long as there are no more than MAX
 * in all. A connection is *used* once the peer has sent its first byte of data; then another one is
 * dialed at once, though not more than MAX in RETRY_MIN. When one fails that nobody has used, the
 * next dial waits. From the first failure until a connection has been up for RETRY_MAX without a
 * further one, connections are dialed one after the other, with a wait between them: a peer that
 * has come back is not overrun, and one that lets us in and throws us out again is not dialed more
 * often than one that is away.
 *
 * Periodic connections (RFC 8071): one in each period, at a random time in a window at its begin.
 */
#ifndef ACTPASS_SERVER_CALLHOME_SCHEDULE_H
#define ACTPASS_SERVER_CALLHOME_SCHEDULE_H

#include "config/config.h"
#include "server/daemon/backoff.h"
#include "server/lib/base/rate.h"

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    /* Constant. */
    bool periodic;
    uint64_t spare, max;
    int64_t every_us, window_ms; /* periodic */
    uint64_t attempts;           /* periodic: dials in one period */
    struct rate replacing;       /* of used connections */

    /* schedule.c's. */
    struct backoff backoff;
    uint64_t unused, used; /* connections; the unused ones with those that are dialed */
    uint64_t dialing;      /* of the unused: not up yet */
    int64_t next_us;       /* no dial before that */
    int64_t retry_us;      /* the end of the last wait for a failure */
    int64_t steady_us;     /* a connection came up then, and none has failed since; 0: none */
    int64_t replaced_us;   /* state of `replacing` */
    int64_t period_us;     /* periodic: the begin of the period that the next dial is for */
    uint64_t tried;        /* periodic: dials in that */
};

/* How a connection has ended. */
enum schedule_end {
    SCHEDULE_FAILED,  /* it was never up */
    SCHEDULE_UNUSED,  /* it was up, and nobody has used it */
    SCHEDULE_WAS_USED /* schedule_used was called for it */
};

void schedule_begin(struct schedule *schedule, const struct config_dial *dial, int64_t now_us);

/* When to dial the next connection: now, if that is not later than NOW_US. DEADLINE_NEVER: not
 * before something has happened. */
int64_t schedule_due_us(struct schedule *schedule, int64_t now_us);

/* A dial begins. Each has one schedule_ended, whatever becomes of it. */
void schedule_dials(struct schedule *schedule);

/* The connection is up, and then the peer has used it. */
void schedule_up(struct schedule *schedule, int64_t now_us);
void schedule_used(struct schedule *schedule, int64_t now_us);

/* It has ended. Returns how long the next dial waits for that, in milliseconds, to be logged; -1:
 * it does not wait for that. */
int64_t schedule_ended(struct schedule *schedule, enum schedule_end end, int64_t now_us);

#endif
