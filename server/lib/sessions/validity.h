/* How long a session may be resumed: not after any certificate of the peer's chain has expired, and
 * not longer than session_timeout after the full handshake. A resumed session has no chain, and
 * OpenSSL gives it a new time with each ticket, so the session itself carries both times. Any
 * thread. */
#ifndef ACTPASS_SERVER_SESSIONS_VALIDITY_H
#define ACTPASS_SERVER_SESSIONS_VALIDITY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* The time, in seconds since 1970, when the first of the peer's certificates expires or the timeout
 * is over. For a resumed connection, the time that its session carries. */
int64_t validity_end(const SSL *ssl, const SSL_SESSION *session, int64_t timeout_s);

/* For how many seconds a session that carries its times may still be resumed, also by what its
 * server said of it (RFC 8446 section 4.6.1). */
int64_t validity_left_s(const SSL_SESSION *session, int64_t timeout_s);

/* Stores both times in the session; keeps the time of the full handshake if it is there already.
 * False: no memory. */
bool validity_note(const SSL *ssl, SSL_SESSION *session);

/* Are the time that the session carries and its peer's certificate valid now? */
bool validity_holds(SSL_SESSION *session);

/* Was the full handshake less than the timeout ago? False if the session carries no time. */
bool validity_is_young(const SSL_SESSION *session, int64_t timeout_s);

#endif
