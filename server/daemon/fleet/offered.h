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

/* The step from then on. */
enum handler_next offered_step(struct handler_job *job);

#endif
