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

/* Is the chain that this SSL's peer has shown valid now, for its role, by what CTX trusts? The
 * session of a resumed connection may contain only the peer's own certificate. False with the
 * reason in error, which is unknown if error_is_no_memory. Leaves the error queue as it is. */
bool verify_again(SSL_CTX *ctx, SSL *ssl, struct error_text *error);

/* Why this SSL's peer was refused; "" if it was not. Lives as long as the SSL. */
const char *verify_refusal(SSL *ssl);

#endif
