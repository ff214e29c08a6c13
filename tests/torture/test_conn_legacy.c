/* Existing blocking OpenSSL code on actpass_ssl: it works unmodified, and actpass_close returns
 * the close reason. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

TestSuite(conn_legacy, .timeout = 40);

enum { MIB = 1024 * 1024 / TEST_SHARE };

static struct conn_suite suite;

static SSL *start(struct conn_rig *rig, const struct conn_rig_options *options,
                  void (*script)(struct socket_peer *, void *), void *arg)
{
    struct conn_rig_options blocking = *options;
    blocking.loop = LOOP_NONE; /* SSL_read and SSL_write are to block */
    conn_rig_init(rig, &suite.world, &blocking, script, arg);
    cr_assert_eq(loop_handshake(rig), 0, "%s", conn_rig_says(rig));
    SSL *ssl = actpass_ssl(rig->conn);
    cr_assert_not_null(ssl);
    return ssl;
}

static void finish(struct conn_rig *rig, actpass_end want, int which)
{
    conn_must_end(rig, want, which);
    conn_rig_free(rig);
}

/* The whole of a protocol as such code has it, to a bidirectional shutdown. */
Test(conn_legacy, an_echo_and_a_shutdown_of_both_ways)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        SSL *ssl = start(&rig, &options, peer_echoes, NULL);
        for (int round = 0; round < 20; round++) {
            cr_assert_eq(SSL_write(ssl, "hello", 5), 5);
            cr_assert_eq(SSL_read(ssl, got, 5), 5);
            cr_assert_str_eq(got, "hello");
        }
        cr_assert_eq(SSL_shutdown(ssl), 0);
        cr_assert_eq(SSL_shutdown(ssl), 1, "way %d", which);
        finish(&rig, ACTPASS_CLEAN, which);
    }
    conn_suite_end(&suite);
}

Test(conn_legacy, a_shutdown_of_one_way_is_completed_by_close)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        SSL *ssl = start(&rig, &options, peer_echoes, NULL);
        cr_assert_eq(SSL_shutdown(ssl), 0);
        finish(&rig, ACTPASS_CLEAN, which);
    }
    conn_suite_end(&suite);
}

Test(conn_legacy, it_need_not_shut_down_at_all)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        SSL *ssl = start(&rig, &options, peer_echoes, NULL);
        cr_assert_eq(SSL_write(ssl, "hello", 5), 5);
        finish(&rig, ACTPASS_CLEAN, which);
    }
    conn_suite_end(&suite);
}

/* ---- Much data ------------------------------------------------------------------------------- */

static void converse(struct socket_peer *peer, void *arg)
{
    if (socket_peer_handshake(peer) && socket_peer_exchange(peer, arg))
        (void)socket_peer_end_in_order(peer);
}

static void read_pattern(SSL *ssl, uint64_t from, uint64_t size, unsigned seed, int which)
{
    static uint8_t data[MIB];
    for (uint64_t have = 0; have < size;) {
        int got = SSL_read(ssl, data, size - have < sizeof(data) ? (int)(size - have) : MIB);
        cr_assert_gt(got, 0, "way %d: after %llu bytes", which, (unsigned long long)have);
        cr_assert(pattern_matches(data, (size_t)got, from + have, seed), "way %d: wrong bytes",
                  which);
        have += (uint64_t)got;
    }
}

/* One long SSL_write against a peer that writes as much at the same time. */
Test(conn_legacy, both_ways_with_long_writes)
{
    static uint8_t data[4 * MIB];
    static const size_t rings[] = {0, 3000};
    pattern_fill(data, sizeof(data), 0, 1);
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 2; i++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
            struct conn_rig rig;
            struct socket_peer_plan plan = {
                .send = MIB, .receive = sizeof(data), .send_seed = 2, .receive_seed = 1};
            struct conn_rig_options options = conn_way(which);
            options.ring = rings[i];
            SSL *ssl = start(&rig, &options, converse, &plan);
            cr_assert_eq(SSL_write(ssl, data, sizeof(data)), sizeof(data), "%s",
                         conn_rig_says(&rig));
            read_pattern(ssl, 0, MIB, 2, which);
            finish(&rig, ACTPASS_CLEAN, which);
        }
    conn_suite_end(&suite);
}

/* Hazard 14, both directions: far more than 32 KeyUpdates, with data between them. */
Test(conn_legacy, hazard_14_key_updates_both_ways)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 4; which++) {
        struct conn_rig rig;
        uint8_t data[1000];
        struct socket_peer_plan plan = {.send = 100000,
                                        .receive = 100000,
                                        .send_seed = 2,
                                        .receive_seed = 1,
                                        .key_update_every = 500};
        struct conn_rig_options options =
            conn_defaults(conn_roles[which & 1], 1, conn_transports[which >> 1]);
        SSL *ssl = start(&rig, &options, converse, &plan);
        for (uint64_t sent = 0; sent < plan.receive; sent += sizeof(data)) {
            pattern_fill(data, sizeof(data), sent, 1);
            cr_assert_eq(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
            cr_assert_eq(SSL_write(ssl, data, sizeof(data)), sizeof(data), "%s",
                         conn_rig_says(&rig));
            read_pattern(ssl, sent, sizeof(data), 2, which);
        }
        finish(&rig, ACTPASS_CLEAN, which);
    }
    conn_suite_end(&suite);
}

/* ---- What goes wrong ------------------------------------------------------------------------- */

static void stop_in_the_middle(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (socket_peer_handshake(peer))
        socket_peer_fin(peer);
}

Test(conn_legacy, a_stream_that_stops_is_truncated)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        SSL *ssl = start(&rig, &options, stop_in_the_middle, NULL);
        cr_assert_leq(SSL_read(ssl, &byte, 1), 0);
        finish(&rig, ACTPASS_TRUNCATED, which);
    }
    conn_suite_end(&suite);
}

static void send_nonsense(struct socket_peer *peer, void *arg)
{
    static const char record[] = "\x17\x03\x03\x00\x20 this is no record of this stream";
    (void)arg;
    if (!socket_peer_handshake(peer) || !socket_peer_send_raw(peer, record, 5 + 32))
        return;
    (void)socket_peer_to_eof(peer);
    socket_peer_fin(peer);
}

Test(conn_legacy, a_broken_record_is_a_protocol_error)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        SSL *ssl = start(&rig, &options, send_nonsense, NULL);
        cr_assert_leq(SSL_read(ssl, &byte, 1), 0);
        finish(&rig, ACTPASS_PROTOCOL, which);
    }
    conn_suite_end(&suite);
}

static int refuse(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 0;
}

/* Hazard 16 for such code: the refusal of our certificate comes with the first read. */
Test(conn_legacy, hazard_16_the_peer_refuses_our_certificate)
{
    conn_suite_begin(&suite);
    SSL_CTX_set_verify(suite.world.theirs[1], SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       refuse);
    for (int t = 0; t < 2; t++) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_CLIENT, 1, conn_transports[t]);
        SSL *ssl = start(&rig, &options, peer_shakes_hands, NULL);
        cr_assert_leq(SSL_read(ssl, &byte, 1), 0);
        finish(&rig, ACTPASS_REFUSED, t);
    }
    conn_suite_end(&suite);
}

/* A timeout of a read is not the end: it may be made again. */
static void speak_when_notified(struct socket_peer *peer, void *arg)
{
    atomic_bool *notified = arg;
    if (!socket_peer_handshake(peer))
        return;
    while (!atomic_load(notified) && clock_now_us() < peer->deadline_us)
        pause_ms(1);
    if (socket_peer_write(peer, "hello", 5))
        (void)socket_peer_end_in_order(peer);
}

Test(conn_legacy, a_read_that_timed_out_may_be_made_again)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        atomic_bool notified = false;
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        options.idle_ms = 50;
        SSL *ssl = start(&rig, &options, speak_when_notified, &notified);
        errno = 0;
        int result = SSL_read(ssl, got, 5);
        int error = errno;
        cr_assert_eq(result, -1);
        cr_assert_eq(SSL_get_error(ssl, result), SSL_ERROR_SYSCALL);
        cr_assert_eq(error, ETIMEDOUT, "%s", strerror(error));
        atomic_store(&notified, true);
        while ((result = SSL_read(ssl, got, 5)) < 0 && errno == ETIMEDOUT)
            ;
        cr_assert_eq(result, 5, "way %d", which);
        cr_assert_str_eq(got, "hello");
        finish(&rig, ACTPASS_CLEAN, which);
    }
    conn_suite_end(&suite);
}
