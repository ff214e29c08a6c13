/* How connections end: in order, by one half, with a reset, without a role. */
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

TestSuite(conn_end, .timeout = 30);

static struct conn_suite suite;

/* ---- Endings --------------------------------------------------------------------------------- */

static void half_close(struct socket_peer *peer, void *arg)
{
    char got[100];
    (void)arg;
    if (!socket_peer_handshake(peer) || !socket_peer_close_notify(peer))
        return;
    int size = socket_peer_read(peer, got, sizeof(got));
    if (size != 5)
        socket_peer_fail(peer, "%d bytes after our close_notify", size);
    socket_peer_fin(peer);
    (void)socket_peer_read_to_end(peer);
}

/* Hazard 21: what the peer closes is its own direction; ours goes on. */
Test(conn_end, hazard_21_the_peer_closes_its_half)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, half_close, NULL);
        cr_assert(conn_shakes_hands(&rig));
        cr_assert_eq(loop_read(&rig, &byte, 1), 0);
        cr_assert_eq(loop_read(&rig, &byte, 1), 0, "it stays so");
        cr_assert_eq(loop_write(&rig, "after", 5), 0, "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

static void answer_after_close_notify(struct socket_peer *peer, void *arg)
{
    char got[100];
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    if (socket_peer_read(peer, got, sizeof(got)) != 0)
        socket_peer_fail(peer, "no close_notify came first");
    if (socket_peer_write(peer, "the answer", 10))
        (void)socket_peer_end_in_order(peer);
}

Test(conn_end, hazard_21_we_close_our_half)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[10];
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, answer_after_close_notify, NULL);
        cr_assert(conn_shakes_hands(&rig));
        cr_assert_eq(loop_shutdown_write(&rig), 0);
        cr_assert_eq(loop_shutdown_write(&rig), 0, "again changes nothing");
        cr_assert_eq(loop_write(&rig, "x", 1), -1, "a write after our close_notify");
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN, "which ends nothing");
        cr_assert_eq(loop_read(&rig, got, 10), 10, "%s", conn_rig_says(&rig));
        cr_assert_arr_eq(got, "the answer", 10);
        cr_assert_eq(loop_read(&rig, got, 10), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* Hazard 21: data of the peer are on their way when we close. */
static void write_then_end(struct socket_peer *peer, void *arg)
{
    static const char block[100000];
    (void)arg;
    if (socket_peer_handshake(peer) && socket_peer_write(peer, block, sizeof(block)))
        (void)socket_peer_end_in_order(peer);
}

Test(conn_end, hazard_21_closing_with_unread_data)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, write_then_end, NULL);
        cr_assert(conn_shakes_hands(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_end, closing_from_both_sides_at_once)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
            struct conn_rig rig;
            struct conn_rig_options options = conn_way(which);
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
            cr_assert(conn_shakes_hands(&rig));
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            conn_must_be_good(true, &rig, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* Many a client sends close_notify and is gone. It was said, so it is clean. */
static void close_and_leave(struct socket_peer *peer, void *arg)
{
    char got[100];
    (void)arg;
    if (!socket_peer_handshake(peer) || socket_peer_read(peer, got, sizeof(got)) != 5 ||
        !socket_peer_close_notify(peer))
        return;
    close(peer->fd);
    peer->fd = -1;
    peer->end = PEER_CUT;
}

Test(conn_end, a_peer_that_does_not_wait_for_our_close_notify_ends_clean)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 20; round++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
            struct conn_rig rig;
            char byte;
            struct conn_rig_options options = conn_way(which);
            conn_rig_init(&rig, &suite.world, &options, close_and_leave, NULL);
            cr_assert(conn_shakes_hands(&rig));
            cr_assert_eq(loop_write(&rig, "hello", 5), 0);
            cr_assert_eq(loop_read(&rig, &byte, 1), 0, "%s", conn_rig_says(&rig));
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

Test(conn_end, closing_again_gives_the_same_answer)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig));
        for (int i = 0; i < 3; i++)
            conn_must_end(&rig, ACTPASS_CLEAN, which);
        cr_assert_eq(fcntl(rig.fd, F_GETFD), -1, "the descriptor is closed on return");
        actpass_abort(rig.conn);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

static void wait_for_reset(struct socket_peer *peer, void *arg)
{
    char got[100];
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    while (socket_peer_read(peer, got, sizeof(got)) > 0)
        ;
    if (peer->close_notify || peer->end != PEER_RESET)
        socket_peer_fail(peer, "it did not look like a reset: %d", peer->end);
    peer->failure[0] = '\0';
}

/* The peer gets neither our output nor FIN. */
Test(conn_end, an_abort_after_a_refusal_resets)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        char byte;
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, wait_for_reset, NULL);
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        actpass_fail(rig.conn, ACTPASS_REFUSED, "not any more");
        actpass_abort(rig.conn);
        cr_assert_eq(actpass_read(rig.conn, &byte, 1), -1);
        cr_assert_eq(loop_close(&rig), ACTPASS_REFUSED);
        cr_assert_str_eq(actpass_error(rig.conn), "not any more");
        socket_peer_join(rig.peer);
        cr_assert_eq(rig.peer->end, PEER_RESET, "way %d: %d", which, rig.peer->end);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_end, freeing_an_open_one_resets)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, wait_for_reset, NULL);
        cr_assert(conn_shakes_hands(&rig));
        cr_assert_eq(loop_write(&rig, "half", 4), 0);
        actpass_free(rig.conn);
        rig.conn = NULL;
        socket_peer_join(rig.peer);
        cr_assert_eq(rig.peer->end, PEER_RESET, "way %d: %d", which, rig.peer->end);
        cr_assert_not(rig.peer->close_notify);
        conn_rig_free(&rig);
    }
    actpass_free(NULL);
    conn_suite_end(&suite);
}

Test(conn_end, before_the_handshake_there_is_nothing_to_read_or_write)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_does_nothing, NULL);
        cr_assert_eq(loop_read(&rig, &byte, 1), -1);
        cr_assert_eq(loop_write(&rig, "x", 1), -1);
        cr_assert_eq(loop_shutdown_write(&rig), -1);
        cr_assert_null(actpass_ssl(rig.conn));
        conn_must_end(&rig, ACTPASS_CANCELLED, which);
        cr_assert_eq(loop_handshake(&rig), -1);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_end, aborted_before_its_handshake)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which))
        for (int automatic = 0; automatic < 2; automatic++) {
            struct conn_rig rig;
            struct conn_rig_options options = conn_way(which);
            if (automatic)
                options.role = ACTPASS_ROLE_AUTO;
            conn_rig_init(&rig, &suite.world, &options, peer_does_nothing, NULL);
            actpass_abort(rig.conn);
            actpass_abort(rig.conn);
            cr_assert_eq(loop_handshake(&rig), -1);
            cr_assert_eq(actpass_ended(rig.conn), ACTPASS_CANCELLED);
            conn_must_end(&rig, ACTPASS_CANCELLED, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* ---- Endings without a role ------------------------------------------------------------------ */

struct first {
    const char *name, *bytes;
    size_t length;
    bool fin;
    actpass_cause cause;
    actpass_end end;
};

static const struct first firsts[] = {
    {"SSH", "SSH-2.0-OpenSSH\r\n", 17, false, ACTPASS_CAUSE_NOT_TLS, ACTPASS_PROTOCOL},
    {"ServerHello", "\x16\x03\x03\x00\x7a\x02", 6, false, ACTPASS_CAUSE_PEER_ANSWERS_AS_SERVER,
     ACTPASS_PROTOCOL},
    {"alert", "\x15\x03\x01\x00\x02\x02\x0a", 7, false, ACTPASS_CAUSE_ALERT_FIRST,
     ACTPASS_PROTOCOL},
    {"FIN", "", 0, true, ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE, ACTPASS_UNUSED},
    {"half a hello, FIN", "\x16\x03\x01", 3, true, ACTPASS_CAUSE_HELLO_INCOMPLETE,
     ACTPASS_TRUNCATED},
    {"half a hello", "\x16\x03\x01", 3, false, ACTPASS_CAUSE_HELLO_INCOMPLETE, ACTPASS_TIMEOUT},
};

static void speak_first(struct socket_peer *peer, void *arg)
{
    const struct first *first = arg;
    if (first->length)
        (void)socket_peer_send_raw(peer, first->bytes, first->length);
    if (first->fin)
        socket_peer_fin(peer);
    if (socket_peer_to_eof(peer) == PEER_STUCK || peer->received)
        socket_peer_fail(peer, "%llu bytes came, end %d", (unsigned long long)peer->received,
                         peer->end);
}

/* Hazard 25: nothing is sent to such a peer, and it has a cause of its own. */
Test(conn_end, hazard_25_endings_without_a_role)
{
    conn_suite_begin(&suite);
    for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++)
        for (int t = 0; t < 2; t++) {
            struct conn_rig rig;
            actpass_info_t info;
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
            options.role = ACTPASS_ROLE_AUTO;
            options.handshake_ms = 40;
            conn_rig_init(&rig, &suite.world, &options, speak_first, (void *)&firsts[i]);
            cr_assert_eq(loop_handshake(&rig), -1, "%s", firsts[i].name);
            actpass_info(rig.conn, &info);
            cr_assert_eq(info.role, ACTPASS_ROLE_NONE, "%s", firsts[i].name);
            cr_assert_eq(info.cause, firsts[i].cause, "%s: %s", firsts[i].name,
                         actpass_cause_name(info.cause));
            conn_must_end(&rig, firsts[i].end, (int)i);
            conn_must_be_good(true, &rig, (int)i);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}
