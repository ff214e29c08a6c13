/* How long a session may be trusted: no longer than every certificate that vouched for the peer
 * when it was made, and no longer than session_timeout from the full handshake. The chain is not
 * there any more when a session is resumed, and OpenSSL gives a session a new time with each
 * ticket, so both times travel with it. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_VALIDITY_H
#define ACTPASS_SERVER_SESSIONS_VALIDITY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 when the first of the peer's certificates expires, or the timeout is over. A
 * resumed connection has what its session carries. */
int64_t validity_end(const SSL *ssl, const SSL_SESSION *session, int64_t timeout_s);

/* Has the session carry both times; that of the full handshake is kept where it carries it already.
 * False: no memory. */
bool validity_note(const SSL *ssl, SSL_SESSION *session);

/* Is what the session carries, and its peer's certificate, valid now? */
bool validity_holds(SSL_SESSION *session);

/* Was the full handshake less than the timeout ago? Not where the session does not say when. */
bool validity_is_young(const SSL_SESSION *session, int64_t timeout_s);

#endif
