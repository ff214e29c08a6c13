/* Our own certificate, its chain, and the key. Any thread. */
#ifndef ACTPASS_SERVER_TLS_IDENTITY_H
#define ACTPASS_SERVER_TLS_IDENTITY_H

#include "config/config.h"
#include "server/lib/base/error.h"
#include "server/lib/tls/pem.h"

#include <openssl/ssl.h>

struct identity {
    X509 *certificate; /* NULL: we have none */
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    const char *name; /* of the certificate, for messages; the configuration's */
};

/* Loads what the configuration names or holds, if any. Without a key of its own, it is expected
 * beside the certificate. PASSPHRASE is for encrypted keys. False with error; then there is nothing
 * to free. */
bool identity_load(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                   struct identity *identity, struct error_text *error);
void identity_free(struct identity *identity); /* its members, not the struct */

/* Makes a context show the identity, if there is a certificate. False with error. */
bool identity_use(const struct identity *identity, SSL_CTX *ctx, struct error_text *error);

/* Can a context show it? OpenSSL checks the strength of keys and signatures only when a certificate
 * is used; this does it earlier. False with error. This thread's error queue is empty on return. */
bool identity_try(const struct identity *identity, struct error_text *error);

#endif
