/* Joins a TLS connection and a connected plain socket, both directions on the calling thread. Half-
 * closes are passed on in both directions. If one side ends without a proper close, the other is
 * not closed properly either, so nobody takes half a message for a whole one. */
#ifndef ACTPASS_SERVER_HANDLERS_DUPLEX_H
#define ACTPASS_SERVER_HANDLERS_DUPLEX_H

#include "server/include/actpass.h"

#include <stdbool.h>

/* Returns true once both sides have closed in order, and false if one of them failed. The
 * descriptor must not block and stays the caller's to close; NAME is its name in messages, such as
 * "the backend 127.0.0.1:80". */
bool duplex_run(actpass_conn *conn, int fd, int64_t idle_timeout_ms, const char *name);

#endif
