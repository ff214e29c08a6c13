/* Certificates on demand, as the client that is asked. */
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <string.h>

static struct conn_suite suite;

TestSuite(conn_certificate_client, .timeout = 60);

static int believe(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* A server that asks for our certificate, and reads until it has it. */
static void ask_us(struct socket_peer *peer, void *arg)
{
    char data[1000];
    (void)arg;
    SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(peer->ssl), believe, NULL);
    if (!socket_peer_handshake(peer))
        return;
    SSL_set_verify(peer->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (SSL_verify_client_post_handshake(peer->ssl) != 1 || !socket_peer_handshake(peer) ||
        !socket_peer_write(peer, "x", 1))
        (void)socket_peer_fail(peer, "it could not ask");
    else if (socket_peer_read_all(peer, data, sizeof(data)) &&
             !SSL_get0_peer_certificate(peer->ssl))
        (void)socket_peer_fail(peer, "it got no certificate");
    else
        (void)socket_peer_end_in_order(peer);
}

Test(conn_certificate_client, as_client_we_answer)
{
    conn_suite_begin(&suite);
    for (int i = 0; i < 2; i++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_CLIENT, 1, conn_transports[i]);
        char byte;
        conn_rig_init(&rig, &suite.world, &options, ask_us, NULL);
        cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
        cr_assert_eq(loop_read(&rig, &byte, 1), 1, "what comes after the request");
        cr_assert(conn_rig_write(&rig, 1000, 1, 500) && conn_rig_end_in_order(&rig), "%s",
                  conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Floods ----------------------------------------------------------------------------- */

/* TLS 1.2: the first HelloRequest is answered, and each counts. */
static void pester(struct socket_peer *peer, void *arg)
{
    int times = *(const int *)arg;
    if (!socket_peer_handshake(peer))
        return;
    for (int i = 0; i < times; i++)
        if (SSL_renegotiate(peer->ssl) != 1 || !socket_peer_handshake(peer))
            socket_peer_fail(peer, "request %d failed", i);
    /* Nothing is read: the first alert would end it. */
    (void)SSL_shutdown(peer->ssl);
    (void)socket_peer_flush(peer);
    (void)socket_peer_to_eof(peer);
}

Test(conn_certificate_client, hazard_14_requests_without_end_are_an_attack)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 4; which++) {
        struct conn_rig rig;
        int times = which & 1 ? 33 : 32;
        char byte;
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[which >> 1]);
        conn_rig_init(&rig, &suite.world, &options, pester, &times);
        cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
        cr_assert_eq(loop_read(&rig, &byte, 1), which & 1 ? -1 : 0, "%d: %s", times,
                     actpass_error(rig.conn));
        cr_assert_eq(loop_close(&rig), ACTPASS_PROTOCOL);
        cr_assert(strstr(actpass_error(rig.conn),
                         which & 1 ? "too many messages" : "closed TLS in its renegotiation"),
                  "%s", actpass_error(rig.conn));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}
