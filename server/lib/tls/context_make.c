/* Makes contexts; and what a server decides by the ClientHello. */
#include "server/lib/tls/context_internal.h"

#include "server/lib/base/error.h"
#include "server/lib/base/ssl_data.h"
#include "server/lib/sessions/sessions.h"
#include "server/lib/tls/binding.h"
#include "server/lib/tls/crl.h"
#include "server/lib/tls/identity.h"
#include "server/lib/tls/key_log.h"
#include "server/lib/tls/limits.h"
#include "server/lib/tls/peer_names.h"
#include "server/lib/tls/renegotiation.h"
#include "server/lib/tls/served.h"
#include "server/lib/tls/server_name.h"
#include "server/lib/tls/staples.h"
#include "server/lib/tls/trust.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* ---- One SSL_CTX -------------------------------------------------------------------------- */

/* The scope of sessions with this certificate of ours. */
static bool make_scope(const struct tls_context *context, const struct material *material,
                       enum role role, const X509 *own, uint8_t scope[SCOPE_SIZE])
{
    return scope_of(material->tls, role, material->trust.list, own, scope) &&
           scope_narrow_by_crl(scope, policy_revoked(context->policy)) &&
           scope_narrow(scope, material->service);
}

static bool set_sessions(struct tls_context *context, const struct material *material,
                         enum role role, SSL_CTX *ctx)
{
    uint8_t scope[SCOPE_SIZE];
    bool made = make_scope(context, material, role, material->identity.certificate, scope) &&
                sessions_use(context->sessions, ctx, role, scope);
    if (role == ROLE_SERVER)
        memcpy(context->scope, scope, SCOPE_SIZE);
    return made;
}

/* SSL_set_SSL_CTX takes over the certificate, the callbacks, the trust and the CAs that are
 * announced, but neither how a certificate is asked for nor, unless it was the context's, the
 * session-id context. What else an SSL object has copied from its context is the same in both
 * (config_tls_with). After a HelloRetryRequest OpenSSL calls the callback of the new context. */
static bool switch_to(const struct tls_context *virtual, SSL *ssl)
{
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(virtual->server), NULL);
    return SSL_set_SSL_CTX(ssl, virtual->server) == virtual->server &&
           SSL_set_session_id_context(ssl, virtual->scope, SCOPE_SIZE) == 1;
}

static int fail_hello(int *alert)
{
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

static int on_hello(SSL *ssl, int *alert, void *arg)
{
    const struct tls_context *context = arg;
    if (renegotiation_is_one(ssl)) /* which changes neither the identity nor the protocol */
        return SSL_CLIENT_HELLO_SUCCESS;
    if (!server_name_keep(ssl, alert))
        return SSL_CLIENT_HELLO_ERROR;
    const struct tls_context *judge = context_judging(context, ssl);
    if (judge != context && !switch_to(judge, ssl))
        return fail_hello(alert);
    return served_choose(judge->served, ssl, alert) && alpn_is_offered(&judge->alpn, ssl, alert)
               ? SSL_CLIENT_HELLO_SUCCESS
               : SSL_CLIENT_HELLO_ERROR;
}

static void set_server(const struct tls_context *context, SSL_CTX *ctx)
{
    alpn_use_as_server(&context->alpn, ctx);
    served_use(context->served, ctx);
    if (context->staples)
        staples_use(context->staples, ctx);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, (void *)context);
}

static int verify_mode(const struct tls_context *context, enum role role)
{
    if (role == ROLE_CLIENT || context->client_auth == CONFIG_CLIENT_AUTH_REQUEST)
        return SSL_VERIFY_PEER; /* the policy decides, even if it accepts any peer */
    if (context->client_auth == CONFIG_CLIENT_AUTH_REQUIRE)
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return SSL_VERIFY_NONE;
}

static bool set_role(struct tls_context *context, const struct material *material, enum role role,
                     SSL_CTX *ctx)
{
    bool server = role == ROLE_SERVER;
    bool asks = server && context->client_auth != CONFIG_CLIENT_AUTH_NONE;
    if (server)
        set_server(context, ctx);
    else /* we can answer a request */
        SSL_CTX_set_post_handshake_auth(ctx, material->identity.certificate ? 1 : 0);
    SSL_CTX_set_verify(ctx, verify_mode(context, role), NULL);
    verify_use(&context->verify, ctx);
    context_ask_peers(context, ctx, role);
    return (server || alpn_use_as_client(&context->alpn, ctx)) && binding_use(ctx) &&
           trust_use(&material->trust, ctx) && (!asks || trust_announce(&material->trust, ctx)) &&
           set_sessions(context, material, role, ctx);
}

static SSL_CTX *make_ctx(struct tls_context *context, const struct material *material,
                         enum role role, struct error_text *error)
{
    SSL_CTX *ctx = SSL_CTX_new(role == ROLE_SERVER ? TLS_server_method() : TLS_client_method());
    bool made = false;
    if (!ctx || !limits_use(ctx, material->tls) || !set_role(context, material, role, ctx))
        error_set(error, "the TLS context cannot be made: OpenSSL says \"%s\"", openssl_reason());
    else
        made = limits_use_algorithms(ctx, material->tls, error) &&
               identity_use(&material->identity, ctx, error) &&
               (role == ROLE_CLIENT || served_use_beside(context->served, ctx, error));
    if (made && (context->key_log || (material->within && material->within->key_log)))
        key_log_use(ctx);
    ERR_clear_error();
    if (made)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* ---- Both --------------------------------------------------------------------------------- */

/* server_name, or the DNS name that is the only name the peer may have. */
static bool set_server_name(const struct config_tls *tls, struct tls_context *context,
                            struct error_text *error)
{
    const char *name = tls->server_name ? tls->server_name : peer_names_only_dns(&tls->peer_names);
    context->server_name = name ? strdup(name) : NULL;
    return !name || context->server_name || error_set(error, "out of memory for server_name");
}

/* Kept for messages: OpenSSL does not tell them. */
static bool set_groups(const struct config_tls *tls, struct tls_context *context,
                       struct error_text *error)
{
    const char *groups = tls->groups ? tls->groups : limits_default_groups(OpenSSL_version_num());
    context->groups = strdup(groups);
    return context->groups || error_set(error, "out of memory for groups");
}

static bool set_revocation(const struct tls_context *context, const struct material *material,
                           struct error_text *error)
{
    STACK_OF(X509_CRL) *lists = policy_revoked(context->policy);
    return !lists || crl_use(lists, material->trust.store) ||
           error_set(error, "crl cannot be used: OpenSSL says \"%s\"", openssl_reason());
}

static bool note_trusted(struct tls_context *context, const struct material *material,
                         struct error_text *error)
{
    enum { SYSTEM = 1, CHAIN = 2 };
    uint8_t flags = (uint8_t)((material->tls->ca_system ? SYSTEM : 0) |
                              (policy_needs_chain(context->policy) ? CHAIN : 0));
    return scope_of_chain(material->trust.list, policy_revoked(context->policy), flags,
                          context->trusted) ||
           error_set(error, "out of memory for ca");
}

/* A peer must not have the key of any certificate that we show. */
static bool make_served(struct tls_context *context, const struct material *material,
                        struct error_text *error)
{
    uint8_t scope[SCOPE_SIZE];
    context->served =
        served_new(material->tls, &material->hooks->passphrase, &material->identity, error);
    for (size_t i = 0; context->served && i < served_count(context->served); i++) {
        X509 *own = served_certificate(context->served, i);
        if (!policy_add_own(context->policy, own) ||
            !make_scope(context, material, ROLE_SERVER, own, scope))
            return error_set(error, "out of memory for certificates");
        served_set_scope(context->served, i, scope);
    }
    return context->served;
}

/* Before its session is resumed. */
static bool accepts_peer(const void *arg, const X509 *peer)
{
    const struct tls_context *context = arg;
    struct error_text why;
    return policy_accepts(context->policy, peer, &why) && context_may_resume(context, peer);
}

static bool make_sessions(struct tls_context *context, const struct material *material,
                          struct error_text *error)
{
    context->sessions =
        material->within
            ? sessions_new_beside(material->within->sessions, accepts_peer, context, error)
            : sessions_new(material->tls, accepts_peer, context, error);
    if (context->sessions)
        sessions_report_to(context->sessions, material->hooks->log, material->hooks->log_arg);
    return context->sessions;
}

static bool make_key_log(struct tls_context *context, const struct material *material,
                         struct error_text *error)
{
    const struct key_log_report report = {material->hooks->log, material->hooks->log_arg};
    const char *path = material->tls->insecure_key_log;
    context->key_log = path ? key_log_new(path, report, error) : NULL;
    return !path || context->key_log;
}

static bool make_both(struct tls_context *context, const struct material *material, bool may_serve,
                      bool may_connect, struct error_text *error)
{
    context->policy = policy_new(material->tls, material->identity.certificate, error);
    if (!context->policy || !set_revocation(context, material, error) ||
        !note_trusted(context, material, error) ||
        !alpn_make(material->tls, &context->alpn, error) ||
        !set_server_name(material->tls, context, error) ||
        !set_groups(material->tls, context, error) ||
        (may_serve && !make_served(context, material, error)))
        return false;
    if (!policy_share_own(context->policy, material->own_keys))
        return error_set(error, "out of memory for our own pin");
    policy_set_check(context->policy, &material->hooks->check);
    if (!context_make_ocsp(context, material, error))
        return false;
    if (!make_sessions(context, material, error) || !make_key_log(context, material, error))
        return false;
    context->client_auth = config_client_auth(material->tls);
    context->verify = (struct verify){context->policy, &context->alpn};
    if (may_serve)
        context->server = make_ctx(context, material, ROLE_SERVER, error);
    if (may_connect && (!may_serve || context->server))
        context->client = make_ctx(context, material, ROLE_CLIENT, error);
    return (!may_serve || context->server) && (!may_connect || context->client);
}

static bool load(struct material *material, enum config_role role, struct tls_context *context,
                 struct error_text *error)
{
    const struct config_tls *tls = material->tls;
    bool may_serve = role != CONFIG_ROLE_CLIENT, may_connect = role != CONFIG_ROLE_SERVER;
    const char *key;
    const char *wrong = config_wrong_tls(tls, role, &key);
    if (wrong)
        return error_set(error, "%s%s%s", key ? key : "", key ? ": " : "", wrong);
    if (!ssl_data_prepare())
        return error_set(error, "out of memory for TLS");
    bool made = identity_load(tls, &material->hooks->passphrase, &material->identity, error) &&
                trust_load(tls, &material->trust, error) &&
                make_both(context, material, may_serve, may_connect, error);
    identity_free(&material->identity);
    trust_free(&material->trust);
    return made;
}

static void free_one(struct tls_context *context)
{
    SSL_CTX_free(context->client);
    SSL_CTX_free(context->server);
    context_free_ocsp(context);
    served_free(context->served);
    alpn_free(&context->alpn);
    sessions_free(context->sessions);
    policy_free(context->policy);
    key_log_free(context->key_log);
    free(context->server_name);
    free(context->groups);
    free(context);
}

/* A virtual one has none itself. */
static void free_virtuals(struct tls_context *context)
{
    for (size_t i = 0; i < context->virtuals.count; i++)
        free_one(context->virtuals.items[i].context);
    virtuals_free(&context->virtuals);
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    free_virtuals(context);
    free_one(context);
}

bool tls_context_make_files(struct tls_context *context, struct error_text *error)
{
    return !context->key_log || key_log_open(context->key_log, error);
}

struct tls_context *tls_context_new_with(struct tls_owner owner, const struct config_tls *tls,
                                         enum config_role role, const struct tls_hooks *hooks,
                                         struct error_text *error)
{
    struct material material = {
        .tls = tls, .service = owner.service, .own_keys = owner.own_keys, .hooks = hooks};
    struct tls_context *context = calloc(1, sizeof(*context));
    if (!context)
        error_set(error, "out of memory for TLS");
    else if (load(&material, role, context, error))
        return context;
    tls_context_free(context);
    return NULL;
}

bool tls_context_add_virtual(struct tls_context *context, struct tls_owner owner,
                             const struct config_tls *tls, const struct config_strings *names,
                             const struct tls_hooks *hooks, struct error_text *error)
{
    struct material material = {.tls = tls,
                                .service = owner.service,
                                .own_keys = owner.own_keys,
                                .hooks = hooks,
                                .within = context};
    struct tls_context *made = calloc(1, sizeof(*made));
    if (!context->server)
        error_set(error, "is for a TLS server, and the role is client");
    else if (!made)
        error_set(error, "out of memory for TLS");
    else if (load(&material, CONFIG_ROLE_SERVER, made, error)) {
        if (virtuals_add(&context->virtuals, names, made))
            return true;
        error_set(error, "out of memory for server names");
    }
    tls_context_free(made);
    return false;
}

struct tls_context *tls_context_new(struct tls_owner owner, const struct config_tls *tls,
                                    enum config_role role, struct error_text *error)
{
    static const struct tls_hooks none = {.log = NULL};
    return tls_context_new_with(owner, tls, role, &none, error);
}
