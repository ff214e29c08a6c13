/* The certificates that vouch for a peer's. Any thread. */
#ifndef ACTPASS_SERVER_TLS_TRUST_H
#define ACTPASS_SERVER_TLS_TRUST_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/ssl.h>

struct trust {
    X509_STORE *store;     /* empty where nobody is named */
    STACK_OF(X509) * list; /* what the file or text holds; NULL for the system's */
};

/* Loads the CAs of the file or text, or points to the system's. False with error; then nothing is
 * held. */
bool trust_load(const struct config_tls *tls, struct trust *trust, struct error_text *error);
void trust_free(struct trust *trust);

/* Makes a context verify against it. False: no memory. */
bool trust_use(const struct trust *trust, SSL_CTX *ctx);

/* As server, names the CAs in the request for a certificate. False: no memory. */
bool trust_announce(const struct trust *trust, SSL_CTX *ctx);

#endif
