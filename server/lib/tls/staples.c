#include "server/lib/tls/staples.h"

#include "config/internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct kept {
    X509 *certificate;
    struct ocsp_follower *follower;
};

struct staples {
    struct ocsp *ocsp;
    struct ocsp_source *source;
    void (*log)(const char *text, void *arg);
    void *arg;
    struct kept *items;
    size_t count;
};

struct staples *staples_new(struct ocsp *ocsp, struct ocsp_source *source,
                            void (*log)(const char *text, void *arg), void *arg)
{
    struct staples *staples = calloc(1, sizeof(*staples));
    if (staples)
        *staples = (struct staples){
            .ocsp = ocsp, .source = ocsp_source_hold(source), .log = log, .arg = arg};
    return staples;
}

void staples_free(struct staples *staples)
{
    if (!staples)
        return;
    for (size_t i = 0; i < staples->count; i++) {
        ocsp_unfollow(staples->items[i].follower);
        X509_free(staples->items[i].certificate);
    }
    free(staples->items);
    ocsp_source_release(staples->source);
    free(staples);
}

/* ---- Adding -------------------------------------------------------------------------------- */

static X509 *issuer_in(const STACK_OF(X509) * list, X509 *certificate)
{
    for (int i = 0; i < sk_X509_num(list); i++)
        if (X509_check_issued(sk_X509_value(list, i), certificate) == X509_V_OK)
            return sk_X509_value(list, i);
    return NULL;
}

static void warn(const struct staples *staples, const struct identity *identity, const char *what)
{
    struct error_text text;
    bool required = staples_are_required(identity->certificate);
    error_set(&text, "ocsp: certificate %s: no response can be stapled: %s%s", identity->name, what,
              required ? "; clients refuse it without one (\"must staple\")" : "");
    if (staples->log)
        staples->log(text.text, staples->arg);
}

static bool add(struct staples *staples, const struct identity *identity, X509 *issuer)
{
    struct error_text name;
    struct kept *items = strings_grow(staples->items, staples->count, sizeof(*items));
    if (!items)
        return false;
    staples->items = items;
    bool required = staples_are_required(identity->certificate);
    error_set(&name, "certificate %s%s", identity->name,
              required ? ", which clients refuse without a response (\"must staple\")" : "");
    const struct ocsp_report report = {staples->log, staples->arg, name.text};
    struct ocsp_follower *follower =
        ocsp_follow(staples->ocsp, staples->source, identity->certificate, issuer, &report);
    if (!follower)
        return false;
    X509_up_ref(identity->certificate);
    items[staples->count++] = (struct kept){identity->certificate, follower};
    return true;
}

bool staples_add(struct staples *staples, const struct identity *identity,
                 const STACK_OF(X509) * ca)
{
    struct config_http_url url;
    X509 *certificate = identity->certificate;
    if (!certificate)
        return true;
    (void)ERR_set_mark();
    X509 *issuer = issuer_in(identity->chain, certificate);
    if (!issuer)
        issuer = issuer_in(ca, certificate);
    (void)ERR_pop_to_mark();
    if (!ocsp_source_url(staples->source, certificate, &url)) {
        warn(staples, identity, "it names no OCSP responder: set responder, or renew it");
        return true;
    }
    config_http_url_free(&url);
    if (issuer)
        return add(staples, identity, issuer);
    warn(staples, identity, "its issuer is neither in its file nor in ca: put its chain behind it");
    return true;
}

bool staples_are_required(const X509 *certificate)
{
    enum { STATUS_REQUEST = 5 };
    bool required = false;
    (void)ERR_set_mark();
    TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        required =
            required || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    TLS_FEATURE_free(features);
    (void)ERR_pop_to_mark();
    return required;
}

/* ---- Use ----------------------------------------------------------------------------------- */

/* Contexts and SSL objects refer to the very same certificate. */
static const struct kept *find(const struct staples *staples, const X509 *certificate)
{
    for (size_t i = 0; i < staples->count; i++)
        if (staples->items[i].certificate == certificate)
            return &staples->items[i];
    return NULL;
}

static int show(SSL *ssl, void *arg)
{
    size_t size = 0;
    const struct kept *kept = find(arg, SSL_get_certificate(ssl));
    unsigned char *copy = kept ? ocsp_copy_staple(kept->follower, &size) : NULL;
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)size); /* which frees it */
    return SSL_TLSEXT_ERR_OK;
}

void staples_use(struct staples *staples, SSL_CTX *ctx)
{
    (void)SSL_CTX_set_tlsext_status_cb(ctx, show);
    (void)SSL_CTX_set_tlsext_status_arg(ctx, staples);
}

int64_t staples_until(const struct staples *staples, const X509 *certificate)
{
    const struct kept *kept = staples ? find(staples, certificate) : NULL;
    return kept ? ocsp_staple_until(kept->follower) : 0;
}
