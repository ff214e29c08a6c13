#include "server/tls/binding.h"

#include <openssl/crypto.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int slot = -1; /* written once, by prepare() */

static void prepare(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

bool binding_prepare(void)
{
    return pthread_once(&once, prepare) == 0 && slot >= 0;
}

bool binding_attach(SSL *ssl, struct binding *binding)
{
    return SSL_set_ex_data(ssl, slot, binding) == 1;
}

static struct binding *binding_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, slot);
}

/* ---- What we say -------------------------------------------------------------------------- */

/* 1: the extension is sent. OpenSSL asks a server only where the client has sent it. */
static int add(SSL *ssl, unsigned type, unsigned context, const uint8_t **data, size_t *size,
               X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct binding *binding = binding_of(ssl);
    (void)type;
    (void)certificate;
    (void)chain_index;
    (void)arg;
    *alert = SSL_AD_INTERNAL_ERROR; /* not needed: this cannot fail */
    *data = NULL;
    *size = 0;
    if (!binding)
        return 0;
    if (context == SSL_EXT_CLIENT_HELLO)
        return binding->offers;
    if (!binding->dropped(binding->arg, binding->digest))
        return 0;
    *data = binding->digest;
    *size = sizeof binding->digest;
    return 1;
}

/* ---- What the peer says ------------------------------------------------------------------- */

static const char *judge_answer(struct binding *binding, const uint8_t *data, size_t size)
{
    uint8_t digest[BINDING_DIGEST];
    if (!binding->dropped(binding->arg, digest))
        return "the peer has sent a ClientHello, too, which never reached us: it was taken away "
               "on the way";
    if (size != sizeof digest || CRYPTO_memcmp(data, digest, sizeof digest) != 0)
        return "both ends sent a ClientHello, and the peer's was changed on the way";
    return NULL;
}

static int parse(SSL *ssl, unsigned type, unsigned context, const uint8_t *data, size_t size,
                 X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct binding *binding = binding_of(ssl);
    (void)type;
    (void)certificate;
    (void)chain_index;
    (void)arg;
    if (context == SSL_EXT_CLIENT_HELLO) { /* an offer says nothing but that it is there */
        *alert = SSL_AD_DECODE_ERROR;
        return size == 0;
    }
    if (!binding) /* never: we did not offer */
        return 1;
    binding->trouble = judge_answer(binding, data, size);
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return binding->trouble == NULL;
}

bool binding_use(SSL_CTX *ctx)
{
    unsigned where =
        SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS;
    return SSL_CTX_add_custom_ext(ctx, BINDING_EXTENSION, where, add, NULL, NULL, parse, NULL) == 1;
}
