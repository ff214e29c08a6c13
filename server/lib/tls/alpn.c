/* ALPN. */
#include "server/lib/tls/alpn.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static size_t wire_size(const struct config_strings *protocols)
{
    size_t size = 0;
    for (size_t i = 0; i < protocols->count; i++)
        size += 1 + strlen(protocols->items[i]);
    return size;
}

bool alpn_make(const struct config_tls *tls, struct alpn *alpn, struct error_text *error)
{
    const struct config_strings *protocols = &tls->alpn;
    size_t size = wire_size(protocols);
    *alpn = (struct alpn){.required = tls->require_alpn};
    if (size == 0)
        return true;
    uint8_t *at = alpn->wire = malloc(size);
    if (!at)
        return error_set(error, "out of memory for alpn");
    for (size_t i = 0; i < protocols->count; i++) {
        size_t length = strlen(protocols->items[i]);
        *at = (uint8_t)length;
        memcpy(at + 1, protocols->items[i], length);
        at += 1 + length;
    }
    alpn->size = (unsigned)size;
    return true;
}

void alpn_free(struct alpn *alpn)
{
    free(alpn->wire);
    *alpn = (struct alpn){.wire = NULL};
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                  const unsigned char *offered, unsigned offered_size, void *arg)
{
    const struct alpn *alpn = arg;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_size, alpn->wire, alpn->size, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool alpn_is_offered(const struct alpn *alpn, SSL *ssl, int *alert)
{
    const unsigned char *data;
    size_t size;
    if (!alpn->required ||
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data,
                                  &size) == 1)
        return true;
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return false;
}

void alpn_use_as_server(const struct alpn *alpn, SSL_CTX *ctx)
{
    if (alpn->wire)
        SSL_CTX_set_alpn_select_cb(ctx, choose, (void *)alpn);
}

bool alpn_use_as_client(const struct alpn *alpn, SSL_CTX *ctx)
{
    /* Unlike its neighbours it returns 0 for success. */
    return !alpn->wire || SSL_CTX_set_alpn_protos(ctx, alpn->wire, alpn->size) == 0;
}

/* Not every OpenSSL 3.0 looks whether a server's answer was offered. */
bool alpn_agreed(const struct alpn *alpn, const SSL *ssl)
{
    const unsigned char *chosen;
    unsigned size;
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    if (!alpn->wire)
        return true;
    if (size == 0)
        return !alpn->required;
    for (unsigned at = 0; at < alpn->size; at += 1U + alpn->wire[at])
        if (alpn->wire[at] == size && memcmp(alpn->wire + at + 1, chosen, size) == 0)
            return true;
    return false;
}
