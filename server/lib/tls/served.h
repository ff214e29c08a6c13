/* What a TLS server shows: the certificate for the server name that a client asks for (SNI, RFC
 * 6066 section 3), or the service's own; and beside its own an OCSP response (section 8). Any
 * thread, once it is in use.
 *
 * Names are equal with ASCII case ignored; an equal name goes before a wildcard, which stands for
 * one label. The OCSP response is read at load only, and no longer shown when it is out of date. */
#ifndef ACTPASS_SERVER_TLS_SERVED_H
#define ACTPASS_SERVER_TLS_SERVED_H

#include "server/lib/sessions/scope.h"
#include "server/lib/tls/identity.h"

struct served;

/* Loads what the configuration names besides our own identity. NULL with error. */
struct served *served_new(const struct config_tls *tls, const struct identity *own,
                          struct tls_error *error);
void served_free(struct served *served); /* NULL is fine */

/* The certificates that names choose between; our own is not among them. */
size_t served_count(const struct served *served);
X509 *served_certificate(const struct served *served, size_t index);

/* The session-id context for connections with that certificate: sessions are not mixed. */
void served_set_scope(struct served *served, size_t index, const uint8_t scope[SCOPE_SIZE]);

/* Has a server's context show the OCSP response, where there is one. The rest is for served_choose.
 */
void served_use(struct served *served, SSL_CTX *ctx);

/* To be called with each ClientHello, from OpenSSL's callback for it: takes the certificate for its
 * server name. False: the handshake must fail with *alert, and the error queue says why. */
bool served_choose(const struct served *served, SSL *ssl, int *alert);

#endif
