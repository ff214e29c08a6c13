/* The check of the peer's certificate inside the handshake, so that a refusal is an alert. */
#ifndef ACTPASS_SERVER_TLS_VERIFY_H
#define ACTPASS_SERVER_TLS_VERIFY_H

#include "server/lib/tls/alpn.h"
#include "server/lib/tls/policy.h"

#include <openssl/ssl.h>

/* Makes the context ask the policy (and, as client, for the protocol) about every certificate that
 * a peer shows. Both must outlive the context's SSL objects. */
struct verify {
    const struct policy *policy;
    const struct alpn *alpn;
};
void verify_use(const struct verify *verify, SSL_CTX *ctx);

/* The reason that was kept for this SSL; "" if nothing was refused. Lives as long as the SSL. */
const char *verify_refusal(SSL *ssl);

#endif
