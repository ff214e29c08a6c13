/* Renegotiation (TLS 1.2): what the first handshake has settled, and a later one on the same
 * connection may not change. One SSL's functions belong to one thread at a time. */
#ifndef ACTPASS_SERVER_TLS_RENEGOTIATION_H
#define ACTPASS_SERVER_TLS_RENEGOTIATION_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>

/* Keeps the peer's certificate of the first handshake, if it has shown one. False: no memory. */
bool renegotiation_note_first(SSL *ssl);

/* After note_first: is what is going on, or was last, a renegotiation, as far as can be told? */
bool renegotiation_is_one(const SSL *ssl);

/* A peer that has shown a certificate must show the same in every renegotiation: what was read
 * before and after it would else be taken for one peer's (triple handshake, RFC 7627). False with
 * error. */
bool renegotiation_same_peer(const SSL *ssl, const X509 *peer, struct tls_error *error);

/* As client: lets the server start renegotiations, if the two handshakes are bound together (RFC
 * 5746) and the master secret to its handshake (RFC 7627 section 5.4 asks for both). False: they
 * stay refused. */
bool renegotiation_allow(SSL *ssl);
void renegotiation_forbid(SSL *ssl); /* from now on; one that has begun goes on */

#endif
