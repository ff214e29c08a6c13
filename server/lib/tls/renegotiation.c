#include "server/lib/tls/renegotiation.h"

#include "server/lib/base/ssl_data.h"

#include <openssl/x509.h>

/* Stands for the certificate of a peer that has shown none. */
static const char no_certificate;

static void free_certificate(void *certificate)
{
    X509_free(certificate);
}

bool renegotiation_note_first(SSL *ssl)
{
    X509 *peer = SSL_get1_peer_certificate(ssl);
    return peer ? ssl_data_set(ssl, SSL_PART_FIRST_PEER, peer, free_certificate)
                : ssl_data_set(ssl, SSL_PART_FIRST_PEER, (void *)&no_certificate, NULL);
}

bool renegotiation_is_one(const SSL *ssl)
{
    return ssl_data_get(ssl, SSL_PART_FIRST_PEER);
}

bool renegotiation_same_peer(const SSL *ssl, const X509 *peer, struct error_text *error)
{
    const void *first = ssl_data_get(ssl, SSL_PART_FIRST_PEER);
    return !first || first == &no_certificate || X509_cmp(first, peer) == 0 ||
           error_set(error, "the certificate changed during renegotiation");
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
