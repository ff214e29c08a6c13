#include "server/lib/tls/binding.h"

#include "server/lib/base/ssl_data.h"

#include <openssl/crypto.h>
#include <string.h>

bool binding_attach(SSL *ssl, struct binding *binding)
{
    return ssl_data_set(ssl, SSL_PART_BINDING, binding, NULL);
}

static const uint8_t mark[BINDING_MARK] = "actpass\1";

static struct binding *binding_of(const SSL *ssl)
{
    return ssl_data_get(ssl, SSL_PART_BINDING);
}

enum { ANSWERS = SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS };

/* Messages in which another program may use this number. OpenSSL must know them, or it reports our
 * extension in the wrong message. */
enum {
    ELSEWHERE = SSL_EXT_TLS1_3_HELLO_RETRY_REQUEST | SSL_EXT_TLS1_3_CERTIFICATE_REQUEST |
                SSL_EXT_TLS1_3_NEW_SESSION_TICKET
};

/* ---- What we send ------------------------------------------------------------------------- */

/* 1: send the extension. OpenSSL calls this on a server only if the client has sent it. */
static int add(SSL *ssl, unsigned type, unsigned context, const uint8_t **data, size_t *size,
               X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct binding *binding = binding_of(ssl);
    (void)type;
    (void)certificate;
    (void)chain_index;
    (void)arg;
    *alert = SSL_AD_INTERNAL_ERROR; /* unused, since this cannot fail */
    *data = NULL;
    *size = 0;
    if (!binding)
        return 0;
    if (context == SSL_EXT_CLIENT_HELLO)
        return binding->offers;
    if (!(context & ANSWERS) || !binding->offered ||
        !binding->dropped(binding->arg, binding->answer + BINDING_MARK))
        return 0;
    memcpy(binding->answer, mark, BINDING_MARK);
    *data = binding->answer;
    *size = sizeof(binding->answer);
    return 1;
}

/* ---- What the peer sent ------------------------------------------------------------------- */

/* An attacker cannot hide our answer by changing it: both Finished messages cover it. */
static bool is_answer(const uint8_t *data, size_t size)
{
    return size == BINDING_MARK + BINDING_DIGEST && memcmp(data, mark, BINDING_MARK) == 0;
}

static const char *judge_answer(struct binding *binding, const uint8_t *data)
{
    uint8_t digest[BINDING_DIGEST];
    if (!binding->dropped(binding->arg, digest))
        return "the peer has sent a ClientHello, too, which never reached us: it was taken away "
               "on the way";
    if (CRYPTO_memcmp(data + BINDING_MARK, digest, sizeof(digest)) != 0)
        return "both ends sent a ClientHello, and the peer's was changed on the way";
    return NULL;
}

/* The number is for private use: an extension that does not have our form belongs to another
 * program and is ignored. */
static int parse(SSL *ssl, unsigned type, unsigned context, const uint8_t *data, size_t size,
                 X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct binding *binding = binding_of(ssl);
    (void)type;
    (void)certificate;
    (void)chain_index;
    (void)arg;
    if (!binding)
        return 1;
    if (context == SSL_EXT_CLIENT_HELLO)
        binding->offered = size == 0;
    else if ((context & ANSWERS) && is_answer(data, size))
        binding->failure = judge_answer(binding, data);
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return !binding->failure;
}

bool binding_use(SSL_CTX *ctx)
{
    unsigned where = SSL_EXT_CLIENT_HELLO | ANSWERS | ELSEWHERE;
    return SSL_CTX_add_custom_ext(ctx, BINDING_EXTENSION, where, add, NULL, NULL, parse, NULL) == 1;
}
