/* Checks the peer's certificate during the handshake, so that a refusal is sent as an alert. */
#ifndef ACTPASS_SERVER_TLS_VERIFY_H
#define ACTPASS_SERVER_TLS_VERIFY_H

#include "server/lib/tls/alpn.h"
#include "server/lib/tls/policy.h"

#include <openssl/ssl.h>

/* How a context checks each certificate that a peer shows: by the policy and, as client, whether a
 * protocol was agreed on. All of it must outlive the context's SSL objects. */
struct verify {
    const struct policy *policy;
    const struct alpn *alpn;
};
void verify_use(const struct verify *verify, SSL_CTX *ctx);

/* Why this SSL's peer was refused; "" if it was not. Lives as long as the SSL. */
const char *verify_refusal(SSL *ssl);

#endif
