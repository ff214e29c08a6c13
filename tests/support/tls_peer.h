/* A peer made of plain OpenSSL, and handshakes in memory, for tests of our own TLS contexts. One
 * thread. Like certs.h it ends the program where a peer cannot be made. */
#ifndef ACTPASS_TESTS_SUPPORT_TLS_PEER_H
#define ACTPASS_TESTS_SUPPORT_TLS_PEER_H

#include "tests/support/certs.h"

#include <openssl/ssl.h>

/* A peer that shows a certificate and believes everything; all zero is one without a certificate.
 */
struct test_peer {
    const struct test_identity *identity;
    int version;              /* TLS1_2_VERSION or TLS1_3_VERSION; 0: both */
    const char *ciphers;      /* TLS 1.2; NULL: default */
    const char *ciphersuites; /* TLS 1.3 */
    const char *alpn; /* protocols that it offers, in the form of the wire ("\3one\3two"); as server
                         it answers with the first, whatever is offered */
    bool requests;    /* as server it asks for our certificate */
};

SSL *test_peer_new(const struct test_peer *peer, bool server);

/* What a handshake came to on one side. */
struct test_side {
    bool up;        /* the handshake is done, and nothing bad came after it */
    int alert_sent; /* the last fatal alert; -1: none */
    int alert_got;
    int reason; /* SSL_R_ of the first error of the failure; 0: none */
};

struct test_handshake {
    struct test_side server, client;
};

/* Runs it to its end, over a BIO pair that the two SSL objects own from now on. */
struct test_handshake test_handshake_run(SSL *server, SSL *client);

#endif
