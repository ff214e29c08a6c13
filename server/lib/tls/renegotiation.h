/* Renegotiation (TLS 1.2): what a later handshake on the same connection must not change. The
 * functions of one SSL object belong to one thread at a time. */
#ifndef ACTPASS_SERVER_TLS_RENEGOTIATION_H
#define ACTPASS_SERVER_TLS_RENEGOTIATION_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>

/* Keeps the peer's certificate of the first handshake, if it has shown one. False: no memory. */
bool renegotiation_note_first(SSL *ssl);

/* Is the handshake that is going on, or was the last one, a renegotiation? It is each one after
 * renegotiation_note_first. */
bool renegotiation_is_one(const SSL *ssl);

/* A peer that has shown a certificate must show the same in each renegotiation; otherwise data of
 * two peers would look like data of one (triple handshake attack, RFC 7627). False with error. */
bool renegotiation_same_peer(const SSL *ssl, const X509 *peer, struct error_text *error);

/* As client: lets the server start renegotiations if both handshakes are bound together (RFC 5746)
 * and the master secret is bound to its handshake; RFC 7627 section 5.4 requires both. False: they
 * stay refused. */
bool renegotiation_allow(SSL *ssl);
void renegotiation_forbid(SSL *ssl); /* later ones; one that has begun goes on */

#endif
