/* What comes before the backend of "forward" is connected: the wait for the peer, if "start" says
 * so. */
#ifndef ACTPASS_SERVER_HANDLERS_START_H
#define ACTPASS_SERVER_HANDLERS_START_H

#include "server/daemon/handlers/handler.h"

enum { START_EARLY_MAX = 4096 }; /* of job->early */

enum start_result {
    START_WAITS, /* call it again at the next step */
    START_READY, /* connect the backend; what the peer has sent for it is in job->early */
    START_ENDED  /* the peer has gone, or has sent what it must not: there is a close reason */
};

/* The step of a handler that waits for the peer as job->start says. Never waits itself. job->state
 * and job->deadline_us are its own until it does not return START_WAITS any more. A peer that has
 * begun with a PROXY header has job->start_timeout_ms for it. */
enum start_result start_step(struct handler_job *job);

#endif
