/* Opens the connection to a plain backend. For the conversation thread. */
#ifndef ACTPASS_SERVER_HANDLERS_BACKEND_H
#define ACTPASS_SERVER_HANDLERS_BACKEND_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

/* Connects within 10 seconds, name resolution included, and serves the TLS connection meanwhile.
 * Dials all addresses of a name (see server/lib/dial/dial.h), and a unix socket with a full backlog
 * again. Returns a non-blocking descriptor, which the caller closes; -1 with one sentence in
 * PROBLEM: no address answered, or the TLS connection was aborted. */
int backend_connect(actpass_conn *conn, const struct config_address *address,
                    struct error_text *problem);

#endif
