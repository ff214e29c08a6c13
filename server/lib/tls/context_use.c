/* SSL objects of a context, and how their peers are judged. */
#include "server/lib/tls/context_internal.h"

#include "server/lib/base/error.h"
#include "server/lib/ocsp/ocsp.h"
#include "server/lib/sessions/sessions.h"
#include "server/lib/sessions/validity.h"
#include "server/lib/tls/key_log.h"
#include "server/lib/tls/renegotiation.h"
#include "server/lib/tls/server_name.h"

#include <openssl/err.h>
#include <string.h>

/* ---- SSL objects --------------------------------------------------------------------------- */

/* In OpenSSL 3.2 and later SSL_set_connect_state and SSL_set_accept_state allocate a record layer.
 * They return nothing, and SSL_set_bio crashes if there was no memory. Only the error queue, which
 * was empty before, shows the failure. */
static SSL *sound(SSL *ssl)
{
    if (ERR_peek_error() == 0)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

static SSL *make_client(struct tls_context *context)
{
    SSL *ssl = SSL_new(context->client);
    if (ssl && context->server_name && SSL_set_tlsext_host_name(ssl, context->server_name) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    ERR_clear_error();
    if (ssl)
        SSL_set_connect_state(ssl);
    return sound(ssl);
}

static SSL *make_server(struct tls_context *context)
{
    SSL *ssl = SSL_new(context->server);
    ERR_clear_error();
    if (ssl)
        SSL_set_accept_state(ssl);
    return sound(ssl);
}

SSL *tls_context_ssl(struct tls_context *context, enum role role)
{
    SSL *ssl = NULL;
    if (context->ocsp)
        ocsp_start(context->ocsp);
    if (role == ROLE_SERVER && context->server)
        ssl = make_server(context);
    if (role == ROLE_CLIENT && context->client)
        ssl = make_client(context);
    if (ssl && context->key_log && !key_log_attach(context->key_log, ssl)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    ERR_clear_error();
    return ssl;
}

/* ---- Peers ---------------------------------------------------------------------------------- */

const struct tls_context *context_judging(const struct tls_context *context, const SSL *ssl)
{
    const struct tls_context *virtual = SSL_is_server(ssl) && context->virtuals.count > 0
                                            ? virtuals_find(&context->virtuals, server_name_of(ssl))
                                            : NULL;
    return virtual ? virtual : context;
}

/* False. */
static bool refuse(const struct error_text *why, struct error_text *error)
{
    return error_is_no_memory(why)
               ? error_set_no_memory(error)
               : error_set(error, "the peer's certificate is refused: %s", why->text);
}

bool tls_context_accepts(const struct tls_context *context, SSL *ssl, struct error_text *error)
{
    struct error_text why;
    bool server = SSL_is_server(ssl);
    X509 *peer = SSL_get0_peer_certificate(ssl);
    context = context_judging(context, ssl);
    if (!renegotiation_is_one(ssl) && !alpn_agreed(&context->alpn, ssl))
        return error_set(error, "no application protocol of alpn was agreed on with the peer");
    if (!peer && server && context->client_auth != CONFIG_CLIENT_AUTH_REQUIRE)
        return true;
    if (!peer)
        return error_set(error, "the peer gave no certificate, which is required");
    if (SSL_session_reused(ssl) && !validity_holds(SSL_get_session(ssl)))
        return error_set(error, "the certificate of the peer's session has expired since");
    if (SSL_get_verify_result(ssl) != X509_V_OK)
        return error_set(error, "the peer's certificate is refused: %s", verify_refusal(ssl));
    if (renegotiation_same_peer(ssl, peer, &why) && policy_accepts(context->policy, peer, &why))
        return true;
    return refuse(&why, error);
}

static bool chain_holds(const struct tls_context *context, const struct tls_context *before,
                        SSL *ssl, struct error_text *error)
{
    if (!policy_needs_chain(context->policy))
        return true;
    if (!SSL_session_reused(ssl) || memcmp(context->trusted, before->trusted, SCOPE_SIZE) != 0)
        return verify_again(context->server ? context->server : context->client, ssl, error);
    return validity_holds(SSL_get_session(ssl)) ||
           error_set(error, "a certificate of its chain has expired since");
}

bool tls_context_accepts_again(const struct tls_context *context, const struct tls_context *before,
                               SSL *ssl, const X509 *peer, struct error_text *error)
{
    struct error_text why;
    context = context_judging(context, ssl);
    before = context_judging(before, ssl);
    enum config_client_auth auth = context->client_auth;
    bool asks = !context->server || auth != CONFIG_CLIENT_AUTH_NONE;
    if (SSL_is_server(ssl) && (!asks || (!peer && auth != CONFIG_CLIENT_AUTH_REQUIRE)))
        return true;
    if (!peer)
        return error_set(error, "the peer gave no certificate, which is required");
    if (context_is_revoked(context, ssl, peer))
        return error_set(error, "the peer's certificate is refused: it is revoked (OCSP)");
    return (chain_holds(context, before, ssl, &why) &&
            policy_accepts(context->policy, peer, &why)) ||
           refuse(&why, error);
}

bool tls_context_knows(const struct tls_context *context, SSL *ssl)
{
    return policy_takes_any(context_judging(context, ssl)->policy) ||
           SSL_get0_peer_certificate(ssl);
}

bool tls_context_up(SSL *ssl)
{
    sessions_begin(ssl);
    return SSL_version(ssl) < TLS1_3_VERSION && renegotiation_note_first(ssl) &&
           renegotiation_allow(ssl);
}

void tls_context_add_groups(const struct tls_context *context, struct name_list *list)
{
    name_list_add_all(list, context->groups, ":/?*");
}

void tls_context_add_protocols(const struct tls_context *context, struct name_list *list)
{
    const struct alpn *alpn = &context->alpn;
    for (unsigned at = 0; at < alpn->size; at += 1U + alpn->wire[at])
        name_list_add(list, (const char *)alpn->wire + at + 1, alpn->wire[at]);
}

const char *tls_context_refusal(SSL *ssl)
{
    return verify_refusal(ssl);
}
