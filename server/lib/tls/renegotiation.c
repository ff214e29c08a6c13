#include "server/lib/tls/renegotiation.h"

#include "server/lib/tls/error.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>

/* Of the first handshake. */
struct first {
    X509 *peer; /* NULL: it has shown none */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int slot = -1; /* written once, by prepare() */

static void free_first(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number,
                       void *arg)
{
    struct first *first = pointer;
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)arg;
    if (first)
        X509_free(first->peer);
    free(first);
}

static void prepare(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_first);
}

bool renegotiation_prepare(void)
{
    return pthread_once(&once, prepare) == 0 && slot >= 0;
}

static const struct first *first_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, slot);
}

bool renegotiation_note_first(SSL *ssl)
{
    struct first *first = calloc(1, sizeof(*first));
    if (!first)
        return false;
    first->peer = SSL_get1_peer_certificate(ssl);
    if (SSL_set_ex_data(ssl, slot, first) == 1)
        return true;
    X509_free(first->peer);
    free(first);
    return false;
}

bool renegotiation_is_one(const SSL *ssl)
{
    return first_of(ssl);
}

bool renegotiation_same_peer(const SSL *ssl, const X509 *peer, struct tls_error *error)
{
    const struct first *first = first_of(ssl);
    return !first || !first->peer || X509_cmp(first->peer, peer) == 0 ||
           tls_fail(error, "in a renegotiation it is another than before");
}

bool renegotiation_allow(SSL *ssl)
{
    bool safe = !SSL_is_server(ssl) && SSL_get_secure_renegotiation_support(ssl) &&
                SSL_get_extms_support(ssl) == 1;
    if (safe)
        SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
    return safe;
}

void renegotiation_forbid(SSL *ssl)
{
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
}
