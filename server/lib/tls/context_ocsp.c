/* OCSP of a context: what we staple, and how peers are checked. */
#include "server/lib/base/error.h"
#include "server/lib/tls/context_internal.h"
#include "server/lib/tls/served.h"
#include "server/lib/tls/staples.h"

#include <openssl/err.h>

/* ---- Ours ---------------------------------------------------------------------------------- */

static bool add_all(struct tls_context *context, const struct material *material)
{
    bool added = staples_add(context->staples, &material->identity, material->trust.list);
    for (size_t i = 0; i < served_count(context->served) && added; i++)
        added = staples_add(context->staples, served_identity(context->served, i),
                            material->trust.list);
    return added;
}

static bool make_staples(struct tls_context *context, const struct material *material)
{
    const struct tls_hooks *hooks = material->hooks;
    if (!material->tls->ocsp.staple || !context->served)
        return true;
    context->staples = staples_new(hooks->ocsp, context->source, hooks->log, hooks->log_arg);
    return context->staples && add_all(context, material);
}

bool context_make_ocsp(struct tls_context *context, const struct material *material,
                       struct error_text *error)
{
    const struct config_ocsp *ocsp = &material->tls->ocsp;
    if (!ocsp->staple && ocsp->peers == CONFIG_OCSP_OFF)
        return true;
    context->ocsp = material->hooks->ocsp;
    context->peers = ocsp->peers;
    context->source = ocsp_source_new(ocsp, material->hooks->through);
    return (context->ocsp && context->source && make_staples(context, material)) ||
           error_set(error, "out of memory for ocsp");
}

void context_free_ocsp(struct tls_context *context)
{
    staples_free(context->staples);
    ocsp_source_release(context->source);
}

/* ---- Peers --------------------------------------------------------------------------------- */

void context_ask_peers(const struct tls_context *context, SSL_CTX *ctx, enum role role)
{
    if (role == ROLE_CLIENT && context->peers != CONFIG_OCSP_OFF)
        (void)SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
}

/* One of the CAs that we trust, which are not in the context's other store; a reference. */
static X509 *trusted_issuer(const struct tls_context *context, X509 *peer)
{
    X509 *issuer = NULL;
    X509_STORE *trusted = NULL;
    SSL_CTX *ctx = context->server ? context->server : context->client;
    X509_STORE_CTX *look = X509_STORE_CTX_new();
    if (look && SSL_CTX_get0_verify_cert_store(ctx, &trusted) == 1 &&
        X509_STORE_CTX_init(look, trusted, peer, NULL) == 1 &&
        X509_STORE_CTX_get1_issuer(&issuer, look, peer) != 1)
        issuer = NULL;
    X509_STORE_CTX_free(look);
    return issuer;
}

/* A reference. NULL: it is not known, as in a session that is resumed, which has no chain. */
static X509 *issuer_of(const struct tls_context *context, SSL *ssl, X509 *peer)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
    if (!issuer)
        return trusted_issuer(context, peer);
    X509_up_ref(issuer);
    return issuer;
}

/* What the server has stapled, if that is of any use. */
static void take_staple(const struct tls_context *context, SSL *ssl, const struct ocsp_peer *peer)
{
    struct error_text why;
    const unsigned char *bytes = NULL;
    long size = SSL_is_server(ssl) ? 0 : SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    if (bytes && size > 0 && peer->issuer)
        (void)ocsp_teach(context->ocsp, peer, bytes, (size_t)size, &why);
}

static enum ocsp_finding find(const struct tls_context *context, SSL *ssl, X509 *peer,
                              enum ocsp_look look, struct ocsp_waiter *waiter,
                              struct error_text *why)
{
    (void)ERR_set_mark();
    const struct ocsp_peer asked = {context->source, peer, issuer_of(context, ssl, peer)};
    take_staple(context, ssl, &asked);
    enum ocsp_finding finding = ocsp_find(context->ocsp, &asked, look, waiter, why);
    X509_free(asked.issuer);
    (void)ERR_pop_to_mark();
    return finding;
}

/* A server whose certificate says "must staple" (RFC 7633) does not pass without a response: that
 * would be worth nothing against somebody who has its key and keeps us from the responder. A
 * session that is resumed comes without responses. */
static bool must_have_one(SSL *ssl, const X509 *peer)
{
    return !SSL_is_server(ssl) && !SSL_session_reused(ssl) && staples_are_required(peer);
}

/* Of what is not pending. SOFT: if nothing can be found out. */
static bool passes(enum ocsp_finding finding, bool soft, const struct error_text *why,
                   struct error_text *error)
{
    if (finding == OCSP_FOUND_REVOKED)
        return error_set(error, "the peer's certificate is refused: it is revoked (OCSP)");
    if (finding == OCSP_FOUND_UNKNOWN)
        return soft ||
               error_set(error, "the peer's certificate is refused: the OCSP responder does "
                                "not know it");
    if (finding == OCSP_FOUND_UNAVAILABLE)
        return soft || error_set(error,
                                 "the peer's certificate is refused: it is not known whether it is "
                                 "revoked (OCSP): %s",
                                 why->text);
    return true;
}

enum tls_revocation tls_context_revocation(const struct tls_context *context, SSL *ssl,
                                           struct ocsp_waiter *waiter, const char **found,
                                           struct error_text *error)
{
    static const char *const texts[] = {"good", "revoked", "unknown", "unavailable", "unavailable"};
    struct error_text why = {.text = "the responder has not answered in time"};
    X509 *peer = SSL_get0_peer_certificate(ssl);
    context = context_judging(context, ssl);
    if (context->peers == CONFIG_OCSP_OFF || !peer)
        return TLS_PEER_PASSES;
    enum ocsp_finding finding =
        find(context, ssl, peer, waiter ? OCSP_LOOK_WAIT : OCSP_LOOK_ONLY, waiter, &why);
    if (finding == OCSP_FOUND_PENDING && waiter)
        return TLS_PEER_PENDING;
    if (finding == OCSP_FOUND_PENDING)
        finding = OCSP_FOUND_UNAVAILABLE;
    *found = texts[finding];
    bool soft = context->peers == CONFIG_OCSP_SOFT;
    if (soft && finding == OCSP_FOUND_UNAVAILABLE && must_have_one(ssl, peer))
        soft = false;
    return passes(finding, soft, &why, error) ? TLS_PEER_PASSES : TLS_PEER_REFUSED;
}

int64_t tls_context_revocation_ms(const struct tls_context *context, const SSL *ssl)
{
    context = context_judging(context, ssl);
    return context->source ? context->source->timeout_ms : 0;
}

bool context_may_resume(const struct tls_context *context, const X509 *peer)
{
    struct config_http_url url;
    if (context->peers == CONFIG_OCSP_OFF)
        return true;
    (void)ERR_set_mark();
    const struct ocsp_peer asked = {context->source, (X509 *)peer,
                                    trusted_issuer(context, (X509 *)peer)};
    bool may = ocsp_can_find(context->ocsp, &asked);
    X509_free(asked.issuer);
    (void)ERR_pop_to_mark();
    if (may || context->peers == CONFIG_OCSP_HARD)
        return may;
    bool names_one = ocsp_source_url(context->source, (X509 *)peer, &url);
    if (names_one)
        config_http_url_free(&url);
    return !names_one;
}

bool context_is_revoked(const struct tls_context *context, SSL *ssl, const X509 *peer)
{
    struct error_text why;
    return context->peers != CONFIG_OCSP_OFF && peer &&
           find(context, ssl, (X509 *)peer, OCSP_LOOK_ASK, NULL, &why) == OCSP_FOUND_REVOKED;
}

/* ---- Both ---------------------------------------------------------------------------------- */

void tls_context_start(const struct tls_context *context)
{
    if (context->ocsp)
        ocsp_start(context->ocsp);
    for (size_t i = 0; i < context->virtuals.count; i++)
        tls_context_start(context->virtuals.items[i].context);
}
