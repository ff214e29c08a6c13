/* What a TLS server shows: the certificate for the server name that a client asks for (SNI, RFC
 * 6066 section 3), or the service's own, the latter with an OCSP response (section 8) if there is
 * one. Any thread, once it is in use.
 *
 * Names are compared without regard to ASCII case. An equal name has precedence over a wildcard,
 * which matches exactly one label. Of one name, each type of key may have a certificate. The OCSP
 * response is read once, and not shown once it is out of date.
 */
#ifndef ACTPASS_SERVER_TLS_SERVED_H
#define ACTPASS_SERVER_TLS_SERVED_H

#include "server/lib/sessions/scope.h"
#include "server/lib/tls/identity.h"

struct served;

/* Loads what the configuration names or holds besides our own identity. PASSPHRASE is for encrypted
 * keys. NULL with error. */
struct served *served_new(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                          const struct identity *own, struct error_text *error);
void served_free(struct served *served); /* may be NULL */

/* The certificates that are chosen by name; our own is not among them. */
size_t served_count(const struct served *served);
const struct identity *served_identity(const struct served *served, size_t index);
X509 *served_certificate(const struct served *served, size_t index);
const struct config_strings *served_names(const struct served *served, size_t index);

/* Sets the session-id context for connections with that certificate, so that sessions are not
 * mixed. */
void served_set_scope(struct served *served, size_t index, const uint8_t scope[SCOPE_SIZE]);

/* Makes a server's context show the OCSP response, if there is one. */
void served_use(struct served *served, SSL_CTX *ctx);

/* Adds to a server's context, which has our own certificate, those that are for the same names and
 * have keys of other types: OpenSSL takes the one that a client's algorithms allow. False with
 * error. */
bool served_use_beside(const struct served *served, SSL_CTX *ctx, struct error_text *error);

/* To be called from OpenSSL's callback for each ClientHello: selects the certificate for its server
 * name. False: the handshake must fail with *ALERT, and the error queue has the reason. */
bool served_choose(const struct served *served, SSL *ssl, int *alert);

#endif
