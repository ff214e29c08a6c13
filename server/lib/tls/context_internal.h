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

#endif
