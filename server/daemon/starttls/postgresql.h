/* PostgreSQL (its manual, chapter "Frontend/Backend Protocol", "SSL Session Encryption"): an
 * SSLRequest of eight bytes, answered by one byte. */
#ifndef ACTPASS_SERVER_STARTTLS_POSTGRESQL_H
#define ACTPASS_SERVER_STARTTLS_POSTGRESQL_H

#include "server/daemon/starttls/protocol.h"

/* For a client: also one that begins TLS at once (sslnegotiation=direct). */
extern const struct starttls_protocol starttls_postgresql_server;

/* For a server. */
extern const struct starttls_protocol starttls_postgresql_client;

/* For a local client, once there is TLS on the other side: it asks for TLS unless it was told not
 * to, and is told that there is none. It ends with STARTTLS_DONE and nothing used before the
 * client's first message. */
extern const struct starttls_protocol starttls_postgresql_local;

#endif
