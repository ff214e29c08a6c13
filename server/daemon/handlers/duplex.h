/* Joins a TLS connection and a connected plain socket, both directions on the calling thread.
 * Half-closes are passed on both ways; a connection that was cut on one side is cut on the other,
 * never closed in order, so nobody takes half a message for a whole one. */
#ifndef ACTPASS_SERVER_HANDLERS_DUPLEX_H
#define ACTPASS_SERVER_HANDLERS_DUPLEX_H

#include "server/include/actpass.h"

#include <stdbool.h>

/* Until both sides have said their end: true; or one has broken. The descriptor does not block,
 * stays the caller's to close, and is NAME in messages, as in "the backend 127.0.0.1:80". */
bool duplex_run(actpass_conn *conn, int fd, int64_t idle_timeout_ms, const char *name);

#endif
