/* How long a session may be trusted: no longer than every certificate that vouched for the peer when it was made. The
 * chain is not there any more when a session is resumed, so the time travels with it. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_VALIDITY_H
#define ACTPASS_SERVER_SESSIONS_VALIDITY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 when the first of the peer's certificates expires; INT64_MAX without any. A resumed
 * connection has what its session carries. */
int64_t validity_end(const SSL *ssl, const SSL_SESSION *session);

/* Has the session carry it. False: no memory. */
bool validity_note(const SSL *ssl, SSL_SESSION *session);

/* Is what the session carries, and its peer's certificate, valid now? */
bool validity_holds(SSL_SESSION *session);

#endif
