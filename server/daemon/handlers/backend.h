/* Opens the connection to a plain backend. */
#ifndef ACTPASS_SERVER_HANDLERS_BACKEND_H
#define ACTPASS_SERVER_HANDLERS_BACKEND_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

/* Connects within 10 seconds, name resolution included. Dials all addresses of a name (see
 * server/lib/dial/dial.h), and a unix socket with a full backlog again. Where it has to wait, it
 * does so between crew_block and crew_unblock, sends output of the non-blocking TLS connection
 * meanwhile, and gives up when that was reset or aborted. Returns a non-blocking descriptor, which
 * the caller closes; -1 with one sentence in PROBLEM: no address answered, or the TLS connection is
 * gone. */
int backend_connect(actpass_conn *conn, const struct config_address *address,
                    struct error_text *problem);

#endif
