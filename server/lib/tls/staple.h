/* An OCSP response (RFC 6960) that a TLS server shows beside its certificate. Immutable; any
 * thread. */
#ifndef ACTPASS_SERVER_TLS_STAPLE_H
#define ACTPASS_SERVER_TLS_STAPLE_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>

struct staple;

/* Reads a DER file, which must hold a successful response about this certificate that is not out of
 * date. Who signed it is for the clients to check. NULL with error. */
struct staple *staple_new(const char *path, X509 *certificate, struct tls_error *error);
void staple_free(struct staple *staple); /* NULL is fine */

/* Has a server's context show it to clients that ask for it, where the connection's certificate is
 * the one that it is about, for as long as it is up to date. */
void staple_use(struct staple *staple, SSL_CTX *ctx);

#endif
