/* What the files of the contexts (context*.c) share. */
#ifndef ACTPASS_SERVER_TLS_CONTEXT_INTERNAL_H
#define ACTPASS_SERVER_TLS_CONTEXT_INTERNAL_H

#include "server/lib/sessions/scope.h"
#include "server/lib/tls/alpn.h"
#include "server/lib/tls/context.h"
#include "server/lib/tls/identity.h"
#include "server/lib/tls/trust.h"
#include "server/lib/tls/verify.h"
#include "server/lib/tls/virtual.h"

struct key_log;
struct served;
struct sessions;
struct staples;

struct tls_context {
    SSL_CTX *server, *client; /* NULL for a role that we never have */
    struct policy *policy;
    struct alpn alpn;
    struct served *served; /* NULL where we never are server */
    struct verify verify;
    struct sessions *sessions;
    enum config_client_auth client_auth;
    uint8_t trusted[SCOPE_SIZE]; /* what chains are judged by */
    char *server_name;           /* SNI; NULL: none */
    char *groups;
    struct key_log *key_log; /* NULL: none */
    struct virtuals virtuals;
    struct ocsp *ocsp;          /* shared; NULL: nothing is asked */
    struct ocsp_source *source; /* where there is ocsp */
    struct staples *staples;    /* NULL: none are fetched */
    enum config_ocsp_peers peers;
    uint8_t scope[SCOPE_SIZE]; /* of the server's sessions, with its own certificate */
};

/* Needed only while contexts are made. */
struct material {
    const struct config_tls *tls;
    const char *service;
    struct own_keys *own_keys;
    const struct tls_hooks *hooks;
    const struct tls_context *within; /* it is one of this one's virtual ones; NULL: it is none */
    struct identity identity;
    struct trust trust;
};

/* Follows the OCSP responses for our certificates, and prepares the checks of peers. False with
 * error. (context_ocsp.c) */
bool context_make_ocsp(struct tls_context *context, const struct material *material,
                       struct error_text *error);
void context_free_ocsp(struct tls_context *context);

/* Makes a client ask for a stapled response where peers are checked. */
void context_ask_peers(const struct tls_context *context, SSL_CTX *ctx, enum role role);

/* Is it known by now that this peer's certificate is revoked? Begins to ask if nothing is known.
 */
bool context_is_revoked(const struct tls_context *context, SSL *ssl, const X509 *peer);

/* May a session of this peer be resumed, as far as OCSP goes? Not if its certificate could not be
 * asked about then, since only a full handshake brings the CA certificate between it and one of
 * ours, and a stapled response. With soft failure, it may be resumed all the same if it names no
 * responder: a full handshake would not help. */
bool context_may_resume(const struct tls_context *context, const X509 *peer);

/* The context by which this SSL's peer is judged: that for the server name, or CONTEXT itself. */
const struct tls_context *context_judging(const struct tls_context *context, const SSL *ssl);

#endif
