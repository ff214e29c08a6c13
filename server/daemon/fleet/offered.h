/* A connection in a pool, from the moment that its names are known to the end of the join: what a
 * device's own connection (offer.c) and one through another collector (share.c) have in common. For
 * the task of its conversation; job->outer and job->state are its. */
#ifndef ACTPASS_SERVER_FLEET_OFFERED_H
#define ACTPASS_SERVER_FLEET_OFFERED_H

#include "server/daemon/fleet/pool.h"
#include "server/daemon/handlers/handler.h"

/* Parks it; TERMS need not outlive the call. EARLY: what the device has sent already, at most
 * OFFERED_EARLY_MAX bytes. False with job->problem. */
enum { OFFERED_EARLY_MAX = DUPLEX_EARLY_MAX - GATE_ANSWER_MAX }; /* that comes before it */
bool offered_begin(struct handler_job *job, struct pool *pool, const struct pool_terms *terms,
                   const void *early, size_t early_size);

/* Parks it anew if TERMS have other names than those under which it is parked. It keeps what the
 * device has sent, and does nothing once it is joined. False with job->problem, and it has ended.
 */
bool offered_rename(struct handler_job *job, const struct pool_terms *terms);

/* Ends it. HANDLER_DONE. */
enum handler_next offered_end(struct handler_job *job);

/* The step from then on. */
enum handler_next offered_step(struct handler_job *job);

#endif
