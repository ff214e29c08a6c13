/* Joins a TLS connection and a connected plain socket, in both directions. Half-closes are passed
 * on in both directions. If one side ends without a proper close, the other is not closed properly
 * either, so nobody takes half a message for a whole one. */
#ifndef ACTPASS_SERVER_HANDLERS_DUPLEX_H
#define ACTPASS_SERVER_HANDLERS_DUPLEX_H

#include "server/daemon/handlers/handler.h"

#include <stdbool.h>

/* Begins to join job->conn with the descriptor PLAIN, which must not block and stays the caller's
 * to close. job->state and job->own are the duplex's until it is done. NAME and ADDRESS are what
 * messages call the plain side ("the backend ", "127.0.0.1:80"); both must outlive the job. Returns
 * false if memory is short, which is the close reason then. */
bool duplex_begin(struct handler_job *job, int plain, const char *name, const char *address);

/* The step of a handler. With HANDLER_DONE it has freed its state, and *IN_ORDER says whether both
 * sides have closed in order. */
enum handler_next duplex_step(struct handler_job *job, bool *in_order);

#endif
