#include "server/lib/ocsp/source.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* NULL stays NULL. False: no memory. */
static bool copy_text(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_through(const struct config_through *from, struct config_through *to)
{
    return from->proxy.kind == CONFIG_PROXY_NONE ||
           (!config_proxy_parse(from->proxy.text, &to->proxy) &&
            copy_text(from->credentials_file, &to->credentials_file));
}

struct ocsp_source *ocsp_source_new(const struct config_ocsp *ocsp,
                                    const struct config_through *through)
{
    struct ocsp_source *source = calloc(1, sizeof(*source));
    if (!source)
        return NULL;
    atomic_init(&source->references, 1);
    source->timeout_ms = ocsp->timeout_ms > 0 ? ocsp->timeout_ms : CONFIG_OCSP_TIMEOUT_MS;
    if (ocsp->through.proxy.kind != CONFIG_PROXY_NONE || !through)
        through = &ocsp->through;
    if (copy_text(ocsp->responder, &source->responder) && copy_text(ocsp->cache, &source->cache) &&
        copy_through(through, &source->through))
        return source;
    ocsp_source_release(source);
    return NULL;
}

struct ocsp_source *ocsp_source_hold(struct ocsp_source *source)
{
    atomic_fetch_add(&source->references, 1);
    return source;
}

void ocsp_source_release(struct ocsp_source *source)
{
    if (!source || atomic_fetch_sub(&source->references, 1) > 1)
        return;
    config_proxy_free(&source->through.proxy);
    free(source->through.credentials_file);
    free(source->responder);
    free(source->cache);
    free(source);
}

bool ocsp_source_url(const struct ocsp_source *source, X509 *certificate,
                     struct config_http_url *url)
{
    bool found = false;
    if (source->responder)
        return !config_http_url_parse(source->responder, url);
    (void)ERR_set_mark();
    STACK_OF(OPENSSL_STRING) *named = X509_get1_ocsp(certificate);
    for (int i = 0; i < sk_OPENSSL_STRING_num(named) && !found; i++)
        found = !config_http_url_parse(sk_OPENSSL_STRING_value(named, i), url);
    X509_email_free(named);
    (void)ERR_pop_to_mark();
    return found;
}
