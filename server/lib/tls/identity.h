/* Our own certificate, its chain, and the key. Any thread. */
#ifndef ACTPASS_SERVER_TLS_IDENTITY_H
#define ACTPASS_SERVER_TLS_IDENTITY_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/ssl.h>

struct identity {
    X509 *certificate; /* NULL: we have none */
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    const char *file; /* of the certificate, for messages; the configuration's */
};

/* Loads the files that the configuration names, if any. Without a file for the key, the key is
 * expected in the certificate's file. False with error; then there is nothing to free. */
bool identity_load(const struct config_tls *tls, struct identity *identity,
                   struct error_text *error);
void identity_free(struct identity *identity); /* its members, not the struct */

/* Makes a context show the identity, if there is a certificate. False with error. */
bool identity_use(const struct identity *identity, SSL_CTX *ctx, struct error_text *error);

#endif
