/* Opens the connection to a plain backend. Runs on the conversation's thread. */
#ifndef ACTPASS_SERVER_SERVICES_BACKEND_H
#define ACTPASS_SERVER_SERVICES_BACKEND_H

#include "config/config.h"
#include "server/include/actpass.h"

#include <stddef.h>

/* Connects within 10 s, the lookup of a name included, or until the TLS connection is aborted;
 * tries all addresses of a name in turn, and a unix socket with a full backlog again. The
 * descriptor does not block. -1 with one sentence in problem. */
int backend_connect(actpass_conn *conn, const struct config_address *address, char *problem,
                    size_t size);

#endif
