/* The id of a connection: what both of its ends can compute. */
#ifndef ACTPASS_SERVER_HANDLERS_CONN_ID_H
#define ACTPASS_SERVER_HANDLERS_CONN_ID_H

#include "server/include/actpass.h"

#include <stdbool.h>

enum { CONN_ID_SIZE = 17 };

/* Writes 16 hex digits that the other end can compute, too, from the keys of the session
 * (actpass_export, label "EXPORTER-actpass-id"), and nobody else. False, and "": before the end of
 * the handshake, and in TLS 1.2 without the extended master secret. For the connection's thread. */
bool conn_id(actpass_conn *conn, char id[CONN_ID_SIZE]);

#endif
