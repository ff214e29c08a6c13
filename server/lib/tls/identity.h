/* Our own certificate, what stands between it and the root, and the key. Any thread. */
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

/* Loads what the configuration names; nothing where it names nothing. The key is looked for in the
 * certificate's file where it has none of its own. False with error; then nothing is held. */
bool identity_load(const struct config_tls *tls, struct identity *identity,
                   struct tls_error *error);
void identity_free(struct identity *identity); /* what it holds, not itself */

/* Makes a context show it. False with error. */
bool identity_use(const struct identity *identity, SSL_CTX *ctx, struct tls_error *error);

#endif
