/* The two SSL_CTX of a configuration, one for each role, made from the same policy. Frozen before
 * the first SSL_new (hazard 11), so any thread may make SSL objects of it. */
#ifndef ACTPASS_SERVER_TLS_CONTEXT_H
#define ACTPASS_SERVER_TLS_CONTEXT_H

#include "config/config.h"
#include "relay/verdict.h"
#include "server/lib/tls/policy.h"

#include <openssl/ssl.h>

struct tls_context;

/* Whose context it is. */
struct tls_owner {
    const char *service;       /* its name: sessions of other services are not resumed */
    struct own_keys *own_keys; /* of all services, to outlive the context; NULL: it stands alone */
};

/* Loads certificate, key and CA, and sets both contexts up for the roles that ROLE allows (auto:
 * both). Refuses, with one sentence that names the file or key and the remedy: a key that does not
 * match the certificate, a role server without a certificate, a role client (or auto) that says
 * nobody to trust, client authentication without anybody to trust, unknown ciphers. NULL with
 * error. Nothing of TLS is used afterwards, and this thread's error queue is empty. */
struct tls_context *tls_context_new(struct tls_owner owner, const struct config_tls *tls,
                                    enum config_role role, struct tls_error *error);
void tls_context_free(struct tls_context *context);

/* A fresh SSL in accept (server) or connect (client) state with no BIO yet; the context must
 * outlive it. NULL: no memory, or a role that the context was not made for. */
SSL *tls_context_ssl(struct tls_context *context, enum role role);

/* To be asked after every handshake, resumed ones too: is this peer the one we expect? A peer
 * without a certificate passes only where none is required. Where ALPN is required a protocol must
 * have been agreed on. False with error. */
bool tls_context_accepts(const struct tls_context *context, SSL *ssl, struct tls_error *error);

/* Where we dialed, a peer that is accepted must be known, whatever client authentication says: it
 * has shown a certificate, or the policy takes any peer. */
bool tls_context_knows(const struct tls_context *context, SSL *ssl);

/* To be called once the first handshake is accepted. A later one (TLS 1.2, renegotiation) must show
 * the same certificate, and does not agree on a protocol anew. True: we are client and answer when
 * the server wants to renegotiate, which is only where that is safe (RFC 5746, RFC 7627); else it
 * is refused. */
bool tls_context_up(SSL *ssl);

/* Why verification failed on this SSL, as policy_accepts or OpenSSL said it; "" if it did not. */
const char *tls_context_refusal(SSL *ssl);

/* ---- Resumption as client, and what went wrong with sessions -------------------------------- */

/* Before a handshake as client with a peer at an address that we dialed: offers a session that it
 * gave us, and keeps those that it will give. */
void tls_context_offer(struct tls_context *context, SSL *ssl, const char *peer);

/* After a handshake that failed: what was offered in it will not be again. */
void tls_context_failed(struct tls_context *context, SSL *ssl);

/* Before SSL_free, however TLS ended: only after a fatal alert is the session of no use. */
void tls_context_done(SSL *ssl);

/* An error of the store or of the keys of sessions that is to be logged, at most one a minute. Such
 * an error costs full handshakes, never a connection. False: none. */
bool tls_context_sessions_failed(struct tls_context *context, struct tls_error *error);

#endif
