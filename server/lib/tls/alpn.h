/* ALPN (RFC 7301). Where protocols are configured, a peer that takes part agrees on one of them or
 * is turned away, in both roles. One that takes no part, as it offers none or answers with none, is
 * turned away only where one is required: else the RFC knows no reason to. Requiring it keeps a
 * client of another protocol, whom somebody on the path has sent here, from talking to us under a
 * certificate that is good for both (ALPACA). */
#ifndef ACTPASS_SERVER_TLS_ALPN_H
#define ACTPASS_SERVER_TLS_ALPN_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <openssl/ssl.h>
#include <stdint.h>

/* The protocols in the form of the wire: each a length byte and its name. */
struct alpn {
    uint8_t *wire; /* NULL: none configured */
    unsigned size;
    bool required; /* a peer without ALPN is refused */
};

/* Of "alpn" and "require_alpn", whose lengths and number config/ has checked. False with error: no
 * memory. */
bool alpn_make(const struct config_tls *tls, struct alpn *alpn, struct error_text *error);
void alpn_free(struct alpn *alpn);

/* As server we choose by our own order, and answer the alert no_application_protocol where there is
 * nothing to choose. The alpn must outlive the context. */
void alpn_use_as_server(const struct alpn *alpn, SSL_CTX *ctx);

/* The same, where one is required, for a client that offers nothing, for which OpenSSL does not
 * ask: to be called with each ClientHello. False: the handshake must fail with *alert, and the
 * error queue says why. */
bool alpn_is_offered(const struct alpn *alpn, SSL *ssl, int *alert);

/* As client we offer them all. False: no memory. */
bool alpn_use_as_client(const struct alpn *alpn, SSL_CTX *ctx);

/* Is one of ours agreed on, or none and none required? Known from the peer's Certificate message
 * on. */
bool alpn_agreed(const struct alpn *alpn, const SSL *ssl);

#endif
