/* ALPN (RFC 7301). Where protocols are configured, one of them must be agreed, in both roles: a peer
 * that offers none, or answers with none, is turned away. */
#ifndef ACTPASS_SERVER_TLS_ALPN_H
#define ACTPASS_SERVER_TLS_ALPN_H

#include "server/tls/policy.h"

#include <openssl/ssl.h>
#include <stdint.h>

/* The protocols in the form of the wire: each a length byte and its name. */
struct alpn {
    uint8_t *wire; /* NULL: none configured */
    unsigned size;
};

/* False with error: a name of 0 or more than 255 bytes, too many, or no memory. */
bool alpn_read(const struct config_strings *protocols, struct alpn *alpn, struct tls_error *error);
void alpn_free(struct alpn *alpn);

/* As server we choose by our own order, and answer the alert no_application_protocol where there is
 * nothing to choose. The alpn must outlive the context. */
void alpn_use_as_server(const struct alpn *alpn, SSL_CTX *ctx);

/* The same for a client that offers nothing, for which OpenSSL does not ask: to be called with each ClientHello. False: the
 * handshake must fail with *alert, and the error queue says why. */
bool alpn_is_offered(const struct alpn *alpn, SSL *ssl, int *alert);

/* As client we offer them all. False: no memory. */
bool alpn_use_as_client(const struct alpn *alpn, SSL_CTX *ctx);

/* Is one of ours agreed on, or none configured? Known from the peer's Certificate message on. */
bool alpn_agreed(const struct alpn *alpn, const SSL *ssl);

#endif
