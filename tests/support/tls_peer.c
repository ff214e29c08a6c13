/* A peer made of plain OpenSSL, and handshakes in memory. */
#include "tests/support/tls_peer.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "tests/support/tls_peer.c: cannot make %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- The peer ------------------------------------------------------------------------------- */

static int believe(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static int answer(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                  const unsigned char *offered, unsigned offered_size, void *arg)
{
    const unsigned char *wire = arg;
    (void)ssl;
    (void)offered;
    (void)offered_size;
    *out = wire + 1;
    *out_size = wire[0];
    return SSL_TLSEXT_ERR_OK;
}

static void set_alpn(SSL_CTX *ctx, const char *wire, bool server)
{
    if (server)
        SSL_CTX_set_alpn_select_cb(ctx, answer, (void *)wire);
    else
        must(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)wire, (unsigned)strlen(wire)) == 0,
             "a protocol list");
}

static void set_identity(SSL_CTX *ctx, const struct test_identity *identity)
{
    must(SSL_CTX_use_certificate(ctx, identity->certificate) == 1 &&
             SSL_CTX_use_PrivateKey(ctx, identity->key) == 1 &&
             SSL_CTX_set1_chain(ctx, identity->chain) == 1,
         "a peer's identity");
}

SSL *test_peer_new(const struct test_peer *peer, bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    must(ctx && SSL_CTX_set_min_proto_version(ctx, peer->version) == 1 &&
             SSL_CTX_set_max_proto_version(ctx, peer->version) == 1,
         "a peer");
    must(!peer->ciphers || SSL_CTX_set_cipher_list(ctx, peer->ciphers) == 1, "a peer's ciphers");
    must(!peer->ciphersuites || SSL_CTX_set_ciphersuites(ctx, peer->ciphersuites) == 1,
         "a peer's ciphersuites");
    SSL_CTX_set_cert_verify_callback(ctx, believe, NULL);
    SSL_CTX_set_verify(ctx, server && !peer->requests ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (peer->identity)
        set_identity(ctx, peer->identity);
    if (peer->alpn)
        set_alpn(ctx, peer->alpn, server);
    SSL *ssl = SSL_new(ctx);
    must(ssl, "a peer");
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    SSL_CTX_free(ctx); /* the SSL holds it */
    return ssl;
}

/* ---- Handshakes ----------------------------------------------------------------------------- */

static void note_alert(int sent, int version, int type, const void *bytes, size_t size, SSL *ssl,
                       void *arg)
{
    struct test_side *side = arg;
    const unsigned char *alert = bytes;
    (void)version;
    (void)ssl;
    if (type != SSL3_RT_ALERT || size != 2 || alert[0] != SSL3_AL_FATAL)
        return;
    if (sent)
        side->alert_sent = alert[1];
    else
        side->alert_got = alert[1];
}

/* Evaluates the result of a call. True: this side is done. */
static bool settle(SSL *ssl, int result, struct test_side *side)
{
    int error = SSL_get_error(ssl, result);
    side->up = error == SSL_ERROR_NONE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return false;
    if (!side->up)
        side->reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return true;
}

static bool step(SSL *ssl, struct test_side *side, bool settled)
{
    ERR_clear_error();
    return settled || settle(ssl, SSL_do_handshake(ssl), side);
}

/* In TLS 1.3 a client learns only by reading that it was refused (hazard 16). */
static void look_further(SSL *ssl, struct test_side *side)
{
    char byte;
    if (!side->up)
        return;
    ERR_clear_error();
    if (!settle(ssl, SSL_peek(ssl, &byte, 1), side))
        side->up = true; /* no alert came */
}

static void join(SSL *server, SSL *client, struct test_handshake *handshake)
{
    BIO *near = NULL, *far = NULL;
    must(BIO_new_bio_pair(&near, 0, &far, 0) == 1, "a BIO pair");
    SSL_set_bio(server, near, near);
    SSL_set_bio(client, far, far);
    SSL_set_msg_callback(server, note_alert);
    SSL_set_msg_callback_arg(server, &handshake->server);
    SSL_set_msg_callback(client, note_alert);
    SSL_set_msg_callback_arg(client, &handshake->client);
}

struct test_handshake test_handshake_run(SSL *server, SSL *client)
{
    enum { MOST_TURNS = 50 };
    const struct test_side fresh = {.alert_sent = -1, .alert_got = -1};
    struct test_handshake handshake = {fresh, fresh};
    bool server_settled = false, client_settled = false;
    join(server, client, &handshake);
    for (int turn = 0; turn < MOST_TURNS && !(server_settled && client_settled); turn++) {
        client_settled = step(client, &handshake.client, client_settled);
        server_settled = step(server, &handshake.server, server_settled);
    }
    look_further(client, &handshake.client);
    look_further(server, &handshake.server);
    SSL_set_msg_callback(server, NULL);
    SSL_set_msg_callback(client, NULL);
    return handshake;
}
