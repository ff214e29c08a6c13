/* Opens the connection to a plain backend. */
#ifndef ACTPASS_SERVER_HANDLERS_BACKEND_H
#define ACTPASS_SERVER_HANDLERS_BACKEND_H

#include "server/daemon/handlers/handler.h"

/* The step of a handler that connects first: within 10 seconds, name resolution included. Dials the
 * backends of job->what->forward, in the order that job->loaded says (backends.h), and of each name
 * all addresses (see server/lib/dial/dial.h), and a unix socket with a full backlog again; never
 * waits. job->state, which is NULL at the first step, job->own and job->deadline_us are the
 * backend's until it does not return HANDLER_WAIT any more. Sends output of the TLS connection
 * meanwhile, and gives up when that was reset or aborted.
 *
 * HANDLER_DONE: *FD is a non-blocking descriptor, which the caller closes before it calls
 * backend_left; or -1 with one sentence in job->problem: no address answered, or the TLS connection
 * is gone. With *FD, job->problem may name a backend that has failed. */
enum handler_next backend_step(struct handler_job *job, int *fd);

/* Takes the backend that is connected already (job->connected), as if backend_step had connected
 * it. -1: there is none. */
int backend_take(struct handler_job *job);

/* The connection to the backend has ended. */
void backend_left(struct handler_job *job);

/* Was the TLS connection aborted, or has it failed? Sends its output. Its input stays where it is,
 * also its end: a peer that has sent all may wait for an answer. */
bool backend_is_unwanted(actpass_conn *conn);

#endif
