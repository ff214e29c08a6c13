/* Opens the connection to a plain backend. Runs on the conversation's thread. */
#ifndef ACTPASS_SERVER_SERVICES_BACKEND_H
#define ACTPASS_SERVER_SERVICES_BACKEND_H

#include "config/config.h"
#include "server/actpass.h"

#include <stddef.h>

/* Connects within 10 s, or until the TLS connection is aborted; tries all addresses of a name in turn.
 * The descriptor does not block. -1 with one sentence in problem. A name is looked up by getaddrinfo, which
 * has time limits of its own (resolv.conf) and cannot be aborted. */
int backend_connect(actpass_conn *conn, const struct config_address *address, char *problem,
                    size_t size);

#endif
