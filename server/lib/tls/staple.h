/* An OCSP response (RFC 6960) that a TLS server shows beside its certificate. Immutable; any
 * thread. */
#ifndef ACTPASS_SERVER_TLS_STAPLE_H
#define ACTPASS_SERVER_TLS_STAPLE_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>

struct staple;

/* Reads a DER file, which must hold a successful response about this certificate that is not out of
 * date. Its signature is not verified; clients do that. Keeps a reference to the certificate. NULL
 * with error. */
struct staple *staple_new(const char *path, X509 *certificate, struct error_text *error);
void staple_free(struct staple *staple); /* may be NULL */

/* Makes a server's context show the response to clients that ask for it, if the connection uses
 * that certificate and the response is not out of date. The staple must outlive the context. */
void staple_use(struct staple *staple, SSL_CTX *ctx);

#endif
