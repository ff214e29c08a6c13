/* A client's session as bytes that the user keeps: for another process, or for a later one. Any
 * thread.
 *
 * The bytes name the scope (scope.h), the address that was dialed and the server name (SNI). They
 * are usable only with a configuration of the same scope, and offered only to a peer with the same
 * address and server name (hazard 32). They are neither encrypted nor authenticated. */
#ifndef ACTPASS_SERVER_SESSIONS_EXPORTED_H
#define ACTPASS_SERVER_SESSIONS_EXPORTED_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct sessions;

enum { EXPORTED_MAX = 20480 }; /* bytes */

/* Writes the newest session of a connection as client. PEER is the address that was dialed, "" if
 * that is not known. Returns the number of bytes, at most EXPORTED_MAX; 0: there is no session now
 * that could be resumed (TLS 1.3: none has been read on this connection), or no memory. */
size_t sessions_export(const struct sessions *sessions, SSL *ssl, const char *peer,
                       uint8_t buffer[EXPORTED_MAX]);

/* Could a configuration with these sessions resume it? False with error. */
bool sessions_check_exported(const struct sessions *sessions, const uint8_t *bytes, size_t size,
                             struct error_text *error);

/* Adds it to the sessions that sessions_offer chooses from. False with error. */
bool sessions_add_exported(struct sessions *sessions, const uint8_t *bytes, size_t size,
                           struct error_text *error);

/* Offers it on this SSL, before the handshake, if it was made with the same server name, whatever
 * address was dialed. */
void sessions_offer_exported(const struct sessions *sessions, SSL *ssl, const uint8_t *bytes,
                             size_t size);

#endif
