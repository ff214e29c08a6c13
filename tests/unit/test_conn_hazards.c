/* Hazards of TLS on a relay that a whole connection must stand, one test each. */
#include "relay/clock.h"
#include "relay/internal.h"
#include "server/lib/conn_internal.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <string.h>

TestSuite(conn_hazards, .timeout = 30);

static struct conn_suite suite;

/* A request, close_notify, and gone, without a look at anything that we send after the handshake.
 */
static void ask_and_go(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    peer->deaf = true;
    if (socket_peer_write(peer, "request", 7) && socket_peer_close_notify(peer))
        socket_peer_reset(peer);
}

/* Hazard 5: the peer is gone while we send, and what it said before is still read. Hazard 15: also
 * when what we send is tickets, through rings of one byte. */
static void assert_request_is_read(size_t ring)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int t = 0; t < 2; t++) {
            struct conn_rig rig;
            char got[8] = "";
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
            options.ring = ring;
            conn_rig_init(&rig, &suite.world, &options, ask_and_go, NULL);
            if (loop_handshake(&rig) == 0) { /* else the reset has overtaken the data */
                size_t have = 0;
                int64_t some;
                while (have < 7 && (some = loop_read(&rig, got + have, 7 - have)) > 0)
                    have += (size_t)some;
                actpass_end end = loop_close(&rig);
                cr_assert(have == 7 ? end == ACTPASS_CLEAN || end == ACTPASS_RESET
                                    : end == ACTPASS_RESET,
                          "%zu bytes: %s", have, conn_rig_says(&rig));
            }
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

Test(conn_hazards, hazard_5_a_request_of_a_peer_that_is_gone)
{
    assert_request_is_read(0);
}

Test(conn_hazards, hazard_15_tickets_through_one_byte_rings)
{
    assert_request_is_read(1);
}

/* The same without haste: it does not read, but stays. Nothing may be lost, whatever we have to say
 * first. */
static void ask_and_wait(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    peer->deaf = true;
    if (!socket_peer_write(peer, "request", 7) || !socket_peer_close_notify(peer))
        return;
    pause_ms(50);
    peer->deaf = false;
    (void)socket_peer_read_to_end(peer);
}

Test(conn_hazards, hazard_15_nothing_is_lost_to_a_peer_that_reads_late)
{
    static const size_t rings[] = {1, 0};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 2; i++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
            struct conn_rig rig;
            char got[8] = "";
            struct conn_rig_options options = conn_way(which);
            options.ring = rings[i];
            conn_rig_init(&rig, &suite.world, &options, ask_and_wait, NULL);
            cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
            cr_assert_eq(loop_read(&rig, got, 7), 7);
            cr_assert_eq(loop_write(&rig, "answer", 6), 0);
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            socket_peer_join(rig.peer);
            cr_assert_str_eq(rig.peer->failure, "");
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* Hazard 6: what other code left in this thread's error queue is not ours. */
Test(conn_hazards, hazard_6_a_stale_error_queue)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        cr_assert_eq(loop_write(&rig, "hello", 5), 0);
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        cr_assert_eq(loop_read(&rig, got, 5), 5, "%s", conn_rig_says(&rig));
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        cr_assert_eq(loop_shutdown_write(&rig), 0);
        ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Hazard 13: while a write waits for a peer that does not read, its KeyUpdates and data are read.
 */
static void update_without_reading(struct socket_peer *peer, void *arg)
{
    atomic_bool *read_all = arg;
    if (!socket_peer_handshake(peer))
        return;
    peer->deaf = true;
    for (int i = 0; i < 200; i++)
        if (!socket_peer_key_update(peer, true) || !socket_peer_write(peer, "x", 1))
            return;
    while (!atomic_load(read_all) && clock_now_us() < peer->deadline_us)
        pause_ms(1);
    peer->deaf = false;
    struct socket_peer_plan plan = {.receive = 8 << 20, .receive_seed = 1};
    if (socket_peer_exchange(peer, &plan))
        (void)socket_peer_end_in_order(peer);
}

static void *write_much(void *arg)
{
    return conn_rig_write(arg, 8 << 20, 1, 1 << 20) ? NULL : arg;
}

Test(conn_hazards, hazard_13_reading_key_updates_beside_a_write_that_waits)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 4; which++) {
        struct conn_rig rig;
        atomic_bool read_all = false;
        char got[200];
        pthread_t writer;
        void *failed;
        struct conn_rig_options options =
            conn_defaults(conn_roles[which & 1], 1, conn_transports[which >> 1]);
        conn_rig_init(&rig, &suite.world, &options, update_without_reading, &read_all);
        cr_assert_eq(loop_handshake(&rig), 0);
        cr_assert_eq(pthread_create(&writer, NULL, write_much, &rig), 0);
        for (size_t have = 0; have < sizeof(got);) {
            int64_t some = loop_read(&rig, got, sizeof(got) - have);
            cr_assert_gt(some, 0, "%zu bytes, %s: %s", have,
                         actpass_end_name(actpass_ended(rig.conn)), actpass_error(rig.conn));
            have += (size_t)some;
        }
        atomic_store(&read_all, true);
        cr_assert_eq(pthread_join(writer, &failed), 0);
        cr_assert_null(failed, "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Hazard 14: a peer that asks for answers and never takes them is timed out, also while we only
 * read. */
static void ask_for_ever(struct socket_peer *peer, void *arg)
{
    char data[500] = "";
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    peer->deaf = true;
    while (socket_peer_key_update(peer, true) && socket_peer_write(peer, data, sizeof(data)))
        ;
    peer->failure[0] = '\0';
}

Test(conn_hazards, hazard_14_answers_that_nobody_takes)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++) {
        struct conn_rig rig;
        static char data[65536];
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
        options.write_ms = 100;
        options.unix_sockets = true; /* whose buffers are small */
        conn_rig_init(&rig, &suite.world, &options, ask_for_ever, NULL);
        cr_assert_eq(loop_handshake(&rig), 0);
        while (loop_read(&rig, data, sizeof(data)) > 0)
            ;
        conn_must_end(&rig, ACTPASS_TIMEOUT, t);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Hazard 20: "close_notify" in the clear, in place of a ServerHello. */
static void close_in_the_clear(struct socket_peer *peer, void *arg)
{
    (void)arg;
    (void)socket_peer_send_raw(peer, "\x15\x03\x03\x00\x02\x01\x00", 7);
    socket_peer_fin(peer);
    (void)socket_peer_to_eof(peer);
}

Test(conn_hazards, hazard_20_close_notify_before_the_server_hello)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++)
        for (int automatic = 0; automatic < 2; automatic++) {
            struct conn_rig rig;
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_CLIENT, 1, conn_transports[t]);
            options.initial_data_ms = 0;
            if (automatic)
                options.role = ACTPASS_ROLE_AUTO;
            conn_rig_init(&rig, &suite.world, &options, close_in_the_clear, NULL);
            cr_assert_eq(loop_handshake(&rig), -1);
            conn_must_end(&rig, ACTPASS_PROTOCOL, t);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* Hazard 22: a record was begun and cannot be finished: no close_notify may follow it, only RST. */
static void read_late(struct socket_peer *peer, void *arg)
{
    static _Thread_local char data[16384];
    atomic_bool *closed = arg;
    if (!socket_peer_handshake(peer))
        return;
    while (!atomic_load(closed) && clock_now_us() < peer->deadline_us)
        pause_ms(1);
    while (socket_peer_read(peer, data, sizeof(data)) > 0)
        ;
    peer->failure[0] = '\0';
    if (peer->close_notify)
        socket_peer_fail(peer, "a close_notify came");
}

Test(conn_hazards, hazard_22_no_close_notify_after_a_write_that_failed)
{
    static const char block[1 << 20];
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS * 2; which++) {
        struct conn_rig rig;
        atomic_bool closed = false;
        struct conn_rig_options options = conn_way(which % CONN_WAYS);
        bool legacy = which >= CONN_WAYS;
        if (legacy)
            options.loop = LOOP_NONE; /* SSL_write is to block */
        options.write_ms = 50;
        conn_rig_init(&rig, &suite.world, &options, read_late, &closed);
        cr_assert_eq(loop_handshake(&rig), 0);
        if (legacy)
            while (SSL_write(actpass_ssl(rig.conn), block, sizeof(block)) > 0)
                ;
        else
            while (loop_write(&rig, block, sizeof(block)) == 0)
                ;
        conn_must_end(&rig, ACTPASS_TIMEOUT, which);
        atomic_store(&closed, true);
        socket_peer_join(rig.peer);
        cr_assert_str_eq(rig.peer->failure, "", "way %d: %s", which, rig.peer->failure);
        cr_assert_eq(rig.peer->end, PEER_RESET, "way %d: %d", which, rig.peer->end);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* After our close_notify and FIN the peer may still ask for a KeyUpdate, which we can no longer
 * answer: no harm. */
static void update_after_our_end(struct socket_peer *peer, void *arg)
{
    char byte;
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    if (socket_peer_read(peer, &byte, 1) != 0)
        socket_peer_fail(peer, "no close_notify came first");
    for (int i = 0; i < 3; i++)
        if (!socket_peer_key_update(peer, true) || !socket_peer_write(peer, "late", 4))
            return;
    (void)socket_peer_end_in_order(peer);
}

Test(conn_hazards, a_key_update_after_our_end)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 4; which++) {
        struct conn_rig rig;
        struct conn_rig_options options =
            conn_defaults(conn_roles[which & 1], 1, conn_transports[which >> 1]);
        conn_rig_init(&rig, &suite.world, &options, update_after_our_end, NULL);
        cr_assert_eq(loop_handshake(&rig), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        socket_peer_join(rig.peer);
        cr_assert_str_eq(rig.peer->failure, "");
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* The owner computes for long between two calls; the peer's data come in, and its end is noticed.
 */
static void send_a_ringful(struct socket_peer *peer, void *arg)
{
    static const char block[60000];
    atomic_bool *sent = arg;
    if (!socket_peer_handshake(peer) || !socket_peer_write(peer, block, sizeof(block)))
        return;
    atomic_store(sent, true);
    (void)socket_peer_end_in_order(peer);
}

Test(conn_hazards, a_conversation_that_is_away_still_receives)
{
    static const enum relay_driver drivers[] = {DRIVER_AUTO, DRIVER_RELAY, DRIVER_RANDOM};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 3; i++) {
        struct conn_rig rig;
        actpass_info_t info;
        atomic_bool sent = false;
        struct conn_rig_options options =
            conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
        options.driver = drivers[i];
        options.ring = 100000;
        conn_rig_init(&rig, &suite.world, &options, send_a_ringful, &sent);
        cr_assert_eq(loop_handshake(&rig), 0);
        int64_t deadline_us = clock_deadline_ms(5000);
        do {
            pause_ms(1);
            actpass_info(rig.conn, &info);
        } while (info.received < 60000 && clock_now_us() < deadline_us);
        cr_assert_geq(info.received, 60000, "driver %d: only %llu", drivers[i],
                      (unsigned long long)info.received);
        conn_must_end(&rig, ACTPASS_CLEAN, (int)i);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Code on actpass_ssl may leave more behind than the transport has room for. Then close_notify
 * waits for room, as every write does. */
static void read_when_notified(struct socket_peer *peer, void *arg)
{
    atomic_bool *notified = arg;
    if (!socket_peer_handshake(peer))
        return;
    while (!atomic_load(notified) && clock_now_us() < peer->deadline_us)
        pause_ms(1);
    (void)socket_peer_end_in_order(peer);
}

static size_t spilt(struct conn_rig *rig)
{
    struct relay *relay = rig->conn->relay;
    relay_lock(relay);
    size_t size = spill_size(&relay->output.spill);
    relay_unlock(relay);
    return size;
}

Test(conn_hazards, a_close_notify_waits_for_room)
{
    static const char block[8192];
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS * 2; which++) {
        struct conn_rig rig;
        atomic_bool notified = false;
        struct conn_rig_options options = conn_way(which % CONN_WAYS);
        options.unix_sockets = true; /* whose buffers are soon full */
        conn_rig_init(&rig, &suite.world, &options, read_when_notified, &notified);
        cr_assert_eq(loop_handshake(&rig), 0);
        SSL *ssl = actpass_ssl(rig.conn);
        while (spilt(&rig) < RELAY_SPILL_MAX) /* the next would block */
            cr_assert_eq(SSL_write(ssl, block, sizeof(block)), sizeof(block));
        atomic_store(&notified, true);
        if (which >= CONN_WAYS)
            cr_assert_eq(loop_shutdown_write(&rig), 0, "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}
