/* A peer of plain OpenSSL, and handshakes in memory, for tests of our TLS contexts. One thread.
 * Like in certs.h, every failure ends the test program. */
#ifndef ACTPASS_TESTS_SUPPORT_TLS_PEER_H
#define ACTPASS_TESTS_SUPPORT_TLS_PEER_H

#include "tests/support/certs.h"

#include <openssl/ssl.h>

/* A peer that accepts every certificate. All zero: a peer without a certificate. */
struct test_peer {
    const struct test_identity *identity;
    int version;              /* TLS1_2_VERSION or TLS1_3_VERSION; 0: both */
    const char *ciphers;      /* TLS 1.2; NULL: default */
    const char *ciphersuites; /* TLS 1.3 */
    const char *alpn; /* the protocols that it offers, in wire format ("\3one\3two"); as server
                         it selects the first, whatever is offered */
    bool requests;    /* as server it requests our certificate */
};

SSL *test_peer_new(const struct test_peer *peer, bool server);

/* The result of a handshake on one side. */
struct test_side {
    bool up;        /* the handshake is complete, and no error followed */
    int alert_sent; /* the last fatal alert; -1: none */
    int alert_got;
    int reason; /* SSL_R_ of the first error; 0: none */
};

struct test_handshake {
    struct test_side server, client;
};

/* Runs the handshake over a BIO pair, which the two SSL objects own from now on. */
struct test_handshake test_handshake_run(SSL *server, SSL *client);

#endif
