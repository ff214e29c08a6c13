/* As client of TLS 1.2 we answer a server that renegotiates, over both transports: data in flight
 * stays in order, and the server must keep its identity. */
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static struct conn_suite suite;

TestSuite(conn_renegotiate, .timeout = 60);

/* ---- The server ------------------------------------------------------------------------------ */

struct server {
    size_t ahead;         /* bytes that it sends behind its request, before it reads */
    uint64_t down, up;    /* bytes of both ways that come then, at once */
    unsigned times;       /* that it renegotiates */
    bool changes;         /* it shows another certificate of the same CA the second time */
    bool insecure;        /* without the extended master secret */
    bool closes;          /* close_notify right behind the request */
    bool stops;           /* sends no more behind the request, and reads nothing */
    const char *other[2]; /* certificate and key */
};

static int believe(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* A HelloRequest, and the certificate is wanted. */
static bool request(struct socket_peer *peer)
{
    SSL_set_verify(peer->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return (SSL_renegotiate(peer->ssl) == 1 && socket_peer_handshake(peer)) ||
           socket_peer_fail(peer, "it could not ask");
}

static bool change(struct socket_peer *peer, const struct server *server)
{
    return !server->changes ||
           (SSL_use_certificate_file(peer->ssl, server->other[0], SSL_FILETYPE_PEM) == 1 &&
            SSL_use_PrivateKey_file(peer->ssl, server->other[1], SSL_FILETYPE_PEM) == 1) ||
           socket_peer_fail(peer, "it could not change");
}

static bool send_ahead(struct socket_peer *peer, size_t size)
{
    uint8_t *data = malloc(size + 1);
    pattern_fill(data, size, 0, 1);
    bool sent = size == 0 || socket_peer_write(peer, data, size);
    free(data);
    return sent;
}

static bool renegotiate(struct socket_peer *peer, const struct server *server)
{
    const struct socket_peer_plan plan = {
        .send = server->down, .receive = server->up, .send_seed = 2, .receive_seed = 3};
    if (!request(peer) || !send_ahead(peer, server->ahead) || !socket_peer_exchange(peer, &plan))
        return false;
    return (SSL_get0_peer_certificate(peer->ssl) && !SSL_renegotiate_pending(peer->ssl)) ||
           socket_peer_fail(peer, "it got no certificate");
}

static void act(struct socket_peer *peer, void *arg)
{
    const struct server *server = arg;
    SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(peer->ssl), believe, NULL);
    SSL_set_options(peer->ssl, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    SSL_set_session_id_context(peer->ssl, (const unsigned char *)"test", 4);
    if (server->insecure)
        SSL_set_options(peer->ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (!socket_peer_handshake(peer) || !change(peer, server))
        return;
    bool good = true;
    if (server->closes || server->stops)
        good = request(peer) && (server->stops || socket_peer_close_notify(peer));
    for (unsigned i = 0; good && i < server->times; i++)
        good = renegotiate(peer, server);
    if (good && server->times)
        (void)socket_peer_end_in_order(peer);
    else
        (void)socket_peer_to_eof(peer);
    socket_peer_fin(peer);
}

/* ---- Our side --------------------------------------------------------------------------- */

static void begin(struct conn_rig *rig, struct conn_rig_options *options, struct server *server)
{
    server->other[0] = suite.world.pair->ends[0].certificate;
    server->other[1] = suite.world.pair->ends[0].key;
    conn_rig_init(rig, &suite.world, options, act, server);
    cr_assert_eq(loop_handshake(rig), 0, "%s", conn_rig_says(rig));
}

enum way { READS_FIRST, TWO_THREADS, ONE_THREAD, WAYS };

/* One renegotiation from our side. */
static bool go_through(struct conn_rig *rig, const struct server *server, enum way way)
{
    const struct socket_peer_plan plan = {
        .send = server->up, .receive = server->down, .send_seed = 3, .receive_seed = 2};
    if (!conn_rig_read(rig, server->ahead, 1))
        return false;
    if (way == TWO_THREADS)
        return conn_rig_exchange(rig, &plan);
    if (way == ONE_THREAD)
        return conn_rig_exchange_at_once(rig, &plan);
    return conn_rig_read(rig, server->down, 2) && conn_rig_write(rig, server->up, 3, 5000);
}

Test(conn_renegotiate, data_in_flight_stays_in_order)
{
    static const size_t aheads[] = {1, 20000, 300000};
    static const enum relay_driver drivers[] = {DRIVER_AUTO, DRIVER_RELAY, DRIVER_RANDOM};
    conn_suite_begin(&suite);
    for (int i = 0; i < 3 * 2 * WAYS; i++) {
        enum way way = (enum way)(i % WAYS);
        struct server server = {.ahead = aheads[i / WAYS / 2], .times = 3};
        server.up = server.down = way == READS_FIRST ? 1000 : 400000;
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[i / WAYS % 2]);
        options.driver = drivers[(i + i / WAYS) % 3];
        struct conn_rig rig;
        begin(&rig, &options, &server);
        for (unsigned time = 0; time < server.times; time++)
            cr_assert(go_through(&rig, &server, way), "%d: %s", i, conn_rig_says(&rig));
        cr_assert(conn_rig_end_in_order(&rig), "%d: %s", i, conn_rig_says(&rig));
        socket_peer_join(rig.peer);
        cr_assert_str_eq(rig.peer->failure, "", "%d", i);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* A thread that only writes also receives the peer's data and keeps them, as far as there is room.
 * Small rings and small pieces on the way. */
Test(conn_renegotiate, a_writer_finishes_it)
{
    conn_suite_begin(&suite);
    for (int i = 0; i < 4; i++) {
        struct server server = {.ahead = 30000, .up = 100000, .down = 1, .times = 1};
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[i % 2]);
        struct conn_rig rig;
        uint8_t first;
        options.ring = i < 2 ? 0 : 100;
        options.peer.receive_cap = options.peer.send_cap = i < 2 ? 0 : 999;
        begin(&rig, &options, &server);
        cr_assert_eq(loop_read(&rig, &first, 1), 1);
        cr_assert(conn_rig_write(&rig, server.up, 3, 700), "%d: %s", i, conn_rig_says(&rig));
        uint8_t *rest = malloc(server.ahead);
        for (size_t have = 1; have < server.ahead;) {
            int64_t got = loop_read(&rig, rest, server.ahead - have);
            cr_assert_gt(got, 0, "%d: %s", i, conn_rig_says(&rig));
            cr_assert(pattern_matches(rest, (size_t)got, have, 1), "%d", i);
            have += (size_t)got;
        }
        free(rest);
        cr_assert(conn_rig_read(&rig, 1, 2) && conn_rig_end_in_order(&rig), "%d: %s", i,
                  conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

static void expect_end(struct server *server, int64_t handshake_ms, actpass_end end,
                       const char *text)
{
    for (int i = 0; i < 2; i++) {
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[i]);
        struct conn_rig rig;
        char byte;
        options.handshake_ms = handshake_ms;
        begin(&rig, &options, server);
        while (loop_read(&rig, &byte, 1) > 0)
            ;
        cr_assert_eq(loop_close(&rig), end, "%s", conn_rig_says(&rig));
        cr_assert(strstr(actpass_error(rig.conn), text), "%s", actpass_error(rig.conn));
        conn_rig_free(&rig);
    }
}

/* That comes before what else the policy would have against it. */
Test(conn_renegotiate, hazard_30_the_server_stays_who_it_was)
{
    conn_suite_begin(&suite);
    expect_end(&(struct server){.changes = true, .times = 1, .up = 1}, 10000, ACTPASS_REFUSED,
               "the certificate changed during renegotiation");
    conn_suite_end(&suite);
}

/* RFC 7627 section 5.4. */
Test(conn_renegotiate, only_where_it_is_safe)
{
    conn_suite_begin(&suite);
    for (int i = 0; i < 2; i++) {
        struct server server = {.insecure = true, .times = 1, .up = 1};
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[i]);
        struct conn_rig rig;
        char byte;
        begin(&rig, &options, &server);
        cr_assert_leq(loop_read(&rig, &byte, 1), 0);
        socket_peer_join(rig.peer);
        cr_assert(strstr(rig.peer->failure, "no renegotiation"), "%s", rig.peer->failure);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_renegotiate, so_many_and_no_more)
{
    enum { MAX_TIMES = 16 };
    conn_suite_begin(&suite);
    for (int i = 0; i < 4; i++) {
        struct server server = {
            .ahead = 1, .up = 1, .down = 1, .times = MAX_TIMES + (unsigned)(i % 2)};
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_CLIENT, 0, conn_transports[i / 2]);
        struct conn_rig rig;
        begin(&rig, &options, &server);
        for (unsigned time = 0; time < MAX_TIMES; time++)
            cr_assert(go_through(&rig, &server, READS_FIRST), "%u: %s", time, conn_rig_says(&rig));
        cr_assert_eq(conn_rig_end_in_order(&rig), i % 2 == 0, "%d: %s", i, conn_rig_says(&rig));
        socket_peer_join(rig.peer);
        cr_assert_eq(!!strstr(rig.peer->failure, "no renegotiation"), i % 2 == 1, "%d: %s", i,
                     rig.peer->failure);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_renegotiate, a_server_that_does_not_go_on)
{
    conn_suite_begin(&suite);
    expect_end(&(struct server){.closes = true}, 10000, ACTPASS_PROTOCOL,
               "the server closed TLS in its renegotiation");
    expect_end(&(struct server){.stops = true}, 500, ACTPASS_TIMEOUT,
               "the server's renegotiation was not done in time");
    conn_suite_end(&suite);
}
