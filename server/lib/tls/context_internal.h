/* What the files of the contexts (context*.c) share. */
#ifndef ACTPASS_SERVER_TLS_CONTEXT_INTERNAL_H
#define ACTPASS_SERVER_TLS_CONTEXT_INTERNAL_H

#include "server/lib/sessions/scope.h"
#include "server/lib/tls/alpn.h"
#include "server/lib/tls/context.h"
#include "server/lib/tls/verify.h"
#include "server/lib/tls/virtual.h"

struct key_log;
struct served;
struct sessions;

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
    uint8_t scope[SCOPE_SIZE]; /* of the server's sessions, with its own certificate */
};

#endif
