/* A connection's calls, one test for each promise of actpass.h. What takes load or many rounds is
 * in tests/torture. */
#include "relay/clock.h"
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn, .timeout = 30);

static struct conn_suite suite;

static void assert_good(bool good, struct conn_rig *rig, int which)
{
    socket_peer_join(rig->peer);
    cr_assert(good && !rig->peer->failure[0], "way %d: %s", which, conn_rig_says(rig));
}

static bool shake_hands(struct conn_rig *rig)
{
    return actpass_handshake(rig->conn) == 0;
}

/* ---- The happy way
 * ------------------------------------------------------------------------------------ */

Test(conn, an_echo)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(shake_hands(&rig) && shake_hands(&rig), "again changes nothing");
        cr_assert_eq(actpass_write(rig.conn, "hello", 5), 0);
        cr_assert_eq(actpass_read(rig.conn, got, 5), 5);
        cr_assert_str_eq(got, "hello");
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN);
        cr_assert_str_eq(actpass_error(rig.conn), "");
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        assert_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, info_tells_what_is_known)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        actpass_info_t info;
        struct conn_rig_options options = conn_way(which);
        bool server = options.role == ACTPASS_ROLE_SERVER;
        options.client_auth = true;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        actpass_info(rig.conn, &info);
        cr_assert_eq(info.role, options.role);
        cr_assert_eq(info.cause, ACTPASS_CAUSE_CONFIGURED);
        cr_assert_str_eq(info.protocol, "");
        cr_assert_str_eq(info.peer_fingerprint, "");
        cr_assert(shake_hands(&rig), "%s", conn_rig_says(&rig));
        actpass_info(rig.conn, &info);
        cr_assert_str_eq(info.protocol, options.version ? "TLSv1.3" : "TLSv1.2");
        cr_assert_gt(strlen(info.cipher), 5);
        cr_assert_str_eq(info.alpn, "");
        cr_assert_eq(strncmp(info.peer_address, "127.0.0.1:", 10), 0, "%s", info.peer_address);
        cr_assert_eq(strlen(info.peer_fingerprint), 64, "%s", info.peer_fingerprint);
        cr_assert_not_null(strstr(info.peer_subject, "CN="), "%s", info.peer_subject);
        cr_assert_eq(info.peer_spoke_first, server);
        cr_assert_geq(info.first_byte_us, 0);
        cr_assert_geq(info.decided_us, 0);
        cr_assert_gt(info.received, 100);
        cr_assert_gt(info.sent, 100);
        cr_assert_eq(info.end, ACTPASS_OPEN);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        actpass_info(rig.conn, &info);
        cr_assert_eq(info.end, ACTPASS_CLEAN);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, the_role_is_found)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        actpass_info_t info;
        struct conn_rig_options options = conn_way(which);
        bool server = options.role == ACTPASS_ROLE_SERVER;
        options.role = ACTPASS_ROLE_AUTO;
        options.initial_data_ms = server ? 10000 : 30;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(shake_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        actpass_info(rig.conn, &info);
        cr_assert_eq(info.role, server ? ACTPASS_ROLE_SERVER : ACTPASS_ROLE_CLIENT);
        cr_assert_eq(info.cause, server ? ACTPASS_CAUSE_CLIENT_HELLO : ACTPASS_CAUSE_SILENCE);
        cr_assert_eq(info.peer_spoke_first, server);
        cr_assert(server || info.decided_us >= 30000);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, sizes_of_nothing)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(shake_hands(&rig));
        cr_assert_eq(actpass_write(rig.conn, NULL, 0), 0);
        cr_assert_eq(conn_write_some(rig.conn, NULL, 0), 0);
        cr_assert_eq(conn_read_some(rig.conn, &byte, 1), CONN_AGAIN);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Endings
 * -------------------------------------------------------------------------------------------- */

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
Test(conn, hazard_21_the_peer_closes_its_half)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, half_close, NULL);
        cr_assert(shake_hands(&rig));
        cr_assert_eq(actpass_read(rig.conn, &byte, 1), 0);
        cr_assert_eq(actpass_read(rig.conn, &byte, 1), 0, "it stays so");
        cr_assert_eq(actpass_write(rig.conn, "after", 5), 0, "%s", conn_rig_says(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        assert_good(true, &rig, which);
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

Test(conn, hazard_21_we_close_our_half)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char got[10];
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, answer_after_close_notify, NULL);
        cr_assert(shake_hands(&rig));
        cr_assert_eq(actpass_shutdown_write(rig.conn), 0);
        cr_assert_eq(actpass_shutdown_write(rig.conn), 0, "again changes nothing");
        cr_assert_eq(actpass_write(rig.conn, "x", 1), -1, "a write after our close_notify");
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN, "which ends nothing");
        cr_assert_eq(actpass_read(rig.conn, got, 10), 10, "%s", conn_rig_says(&rig));
        cr_assert_arr_eq(got, "the answer", 10);
        cr_assert_eq(actpass_read(rig.conn, got, 10), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        assert_good(true, &rig, which);
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

Test(conn, hazard_21_closing_with_unread_data)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, write_then_end, NULL);
        cr_assert(shake_hands(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        assert_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, closing_from_both_sides_at_once)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int which = 0; which < CONN_WAYS; which++) {
            struct conn_rig rig;
            struct conn_rig_options options = conn_way(which);
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
            cr_assert(shake_hands(&rig));
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            assert_good(true, &rig, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* Many a client sends close_notify and is gone. It was said, so it is clean. */
static void say_goodbye_and_go(struct socket_peer *peer, void *arg)
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

Test(conn, a_peer_that_does_not_wait_for_our_close_notify_ends_clean)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 20; round++)
        for (int which = 0; which < CONN_WAYS; which++) {
            struct conn_rig rig;
            char byte;
            struct conn_rig_options options = conn_way(which);
            conn_rig_init(&rig, &suite.world, &options, say_goodbye_and_go, NULL);
            cr_assert(shake_hands(&rig));
            cr_assert_eq(actpass_write(rig.conn, "hello", 5), 0);
            cr_assert_eq(actpass_read(rig.conn, &byte, 1), 0, "%s", conn_rig_says(&rig));
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

Test(conn, closing_again_gives_the_same_answer)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(shake_hands(&rig));
        unsigned open = resources_now().descriptors;
        for (int i = 0; i < 3; i++)
            conn_must_end(&rig, ACTPASS_CLEAN, which);
        cr_assert_lt(resources_now().descriptors, open, "the descriptor is closed on return");
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

Test(conn, freeing_an_open_one_resets)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, wait_for_reset, NULL);
        cr_assert(shake_hands(&rig));
        cr_assert_eq(actpass_write(rig.conn, "half", 4), 0);
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

Test(conn, before_the_handshake_there_is_nothing_to_read_or_write)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_does_nothing, NULL);
        cr_assert_eq(actpass_read(rig.conn, &byte, 1), -1);
        cr_assert_eq(actpass_write(rig.conn, "x", 1), -1);
        cr_assert_eq(actpass_shutdown_write(rig.conn), -1);
        cr_assert_null(actpass_ssl(rig.conn));
        conn_must_end(&rig, ACTPASS_CANCELLED, which);
        cr_assert_eq(actpass_handshake(rig.conn), -1);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, aborted_before_its_handshake)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++)
        for (int automatic = 0; automatic < 2; automatic++) {
            struct conn_rig rig;
            struct conn_rig_options options = conn_way(which);
            if (automatic)
                options.role = ACTPASS_ROLE_AUTO;
            conn_rig_init(&rig, &suite.world, &options, peer_does_nothing, NULL);
            actpass_abort(rig.conn);
            actpass_abort(rig.conn);
            cr_assert_eq(actpass_handshake(rig.conn), -1);
            cr_assert_eq(actpass_ended(rig.conn), ACTPASS_CANCELLED);
            conn_must_end(&rig, ACTPASS_CANCELLED, which);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* ---- Endings without a role
 * ------------------------------------------------------------------------------- */

struct first {
    const char *name, *bytes;
    size_t length;
    bool fin;
    actpass_cause cause;
    actpass_end end;
};

static const struct first firsts[] = {
    {"HTTP", "GET / HTTP/1.1\r\n", 16, false, ACTPASS_CAUSE_NOT_TLS, ACTPASS_PROTOCOL},
    {"ServerHello", "\x16\x03\x03\x00\x7a\x02", 6, false, ACTPASS_CAUSE_PEER_ANSWERS_AS_SERVER,
     ACTPASS_PROTOCOL},
    {"alert", "\x15\x03\x01\x00\x02\x02\x0a", 7, false, ACTPASS_CAUSE_ALERT_FIRST,
     ACTPASS_PROTOCOL},
    {"FIN", "", 0, true, ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE, ACTPASS_TRUNCATED},
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

/* Hazard 25: nothing is said to such a peer, and it is told apart. */
Test(conn, hazard_25_endings_without_a_role)
{
    conn_suite_begin(&suite);
    for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++)
        for (int t = 0; t < 2; t++) {
            struct conn_rig rig;
            actpass_info_t info;
            struct conn_rig_options options = conn_defaults(true, 1, conn_transports[t]);
            options.role = ACTPASS_ROLE_AUTO;
            options.handshake_ms = 40;
            conn_rig_init(&rig, &suite.world, &options, speak_first, (void *)&firsts[i]);
            cr_assert_eq(actpass_handshake(rig.conn), -1, "%s", firsts[i].name);
            actpass_info(rig.conn, &info);
            cr_assert_eq(info.role, ACTPASS_ROLE_NONE, "%s", firsts[i].name);
            cr_assert_eq(info.cause, firsts[i].cause, "%s: %s", firsts[i].name,
                         actpass_cause_name(info.cause));
            conn_must_end(&rig, firsts[i].end, (int)i);
            assert_good(true, &rig, (int)i);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* ---- Identity
 * -------------------------------------------------------------------------------------------- */

static actpass_config *strict_config(const struct conn_rig_options *options, const char *peer_name)
{
    actpass_config *config = conn_config(&suite.world, options);
    cr_assert_eq(actpass_config_add_peer_name(config, peer_name), 0);
    return config;
}

/* A peer whose certificate is good, but is the wrong one: our own. */
Test(conn, a_peer_that_shows_our_own_certificate_is_refused)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        SSL_CTX *theirs = suite.world.theirs[options.version];
        suite.world.theirs[options.version] = socket_peer_context(
            options.version ? TLS1_3_VERSION : TLS1_2_VERSION,
            suite.world.pair->ends[0].certificate, suite.world.pair->ends[0].key);
        options.config = strict_config(&options, suite.world.pair->ends[0].name);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
        cr_assert_eq(actpass_handshake(rig.conn), -1);
        conn_must_end(&rig, ACTPASS_REFUSED, which);
        cr_assert_gt(strlen(actpass_error(rig.conn)), 20);
        conn_rig_free(&rig);
        actpass_config_free(options.config);
        SSL_CTX_free(suite.world.theirs[options.version]);
        suite.world.theirs[options.version] = theirs;
    }
    conn_suite_end(&suite);
}

static int refuse(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 0;
}

/* Hazard 16: in TLS 1.3 a client's handshake is done before the server has looked at its
 * certificate; the first read tells. */
Test(conn, hazard_16_the_peer_refuses_our_certificate)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        SSL_CTX_set_verify(suite.world.theirs[options.version],
                           SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, refuse);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
        bool late = options.role == ACTPASS_ROLE_CLIENT && options.version == 1;
        cr_assert_eq(shake_hands(&rig), late, "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(actpass_read(rig.conn, &byte, 1), -1);
        conn_must_end(&rig, ACTPASS_REFUSED, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Events
 * ------------------------------------------------------------------------------------------------
 */

struct events {
    atomic_int order; /* of the next one */
    int role, handshake, close;
    atomic_int count;
};

static void note_event(actpass_conn *conn, actpass_event event, void *arg)
{
    struct events *events = arg;
    actpass_info_t info;
    actpass_info(conn, &info);
    int order = atomic_fetch_add(&events->order, 1) + 1;
    int *const places[] = {&events->role, &events->handshake, &events->close};
    *places[event] = order;
    if ((event == ACTPASS_EVENT_CLOSE) == (info.end == ACTPASS_OPEN))
        *places[event] = -1;
    atomic_fetch_add(&events->count, 1);
}

Test(conn, events_come_once_each_and_in_order)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int which = 0; which < CONN_WAYS; which++) {
            struct conn_rig rig;
            struct events events = {0};
            struct conn_rig_options options = conn_way(which);
            options.on_event = note_event;
            options.on_event_arg = &events;
            if (round % 2) {
                options.initial_data_ms = options.role == ACTPASS_ROLE_SERVER ? 10000 : 0;
                options.role = ACTPASS_ROLE_AUTO;
            }
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
            cr_assert(shake_hands(&rig), "%s", conn_rig_says(&rig));
            conn_must_end(&rig, ACTPASS_CLEAN, which);
            (void)actpass_close(rig.conn);
            conn_rig_free(&rig);
            cr_assert(events.role == 1 && events.handshake == 2 && events.close == 3 &&
                          events.count == 3,
                      "way %d: role %d, handshake %d, close %d", which, events.role,
                      events.handshake, events.close);
        }
    conn_suite_end(&suite);
}

Test(conn, events_of_one_that_fails)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++) {
        struct conn_rig rig;
        struct events events = {0};
        struct conn_rig_options options = conn_defaults(true, 1, conn_transports[t]);
        options.role = ACTPASS_ROLE_AUTO;
        options.on_event = note_event;
        options.on_event_arg = &events;
        conn_rig_init(&rig, &suite.world, &options, speak_first, (void *)&firsts[0]);
        cr_assert_eq(actpass_handshake(rig.conn), -1);
        conn_rig_free(&rig);
        cr_assert_eq(events.handshake, 0);
        cr_assert_neq(events.role, 0);
        cr_assert_eq(events.close, 2);
        cr_assert_eq(events.count, 2);
    }
    conn_suite_end(&suite);
}

static void abort_in_event(actpass_conn *conn, actpass_event event, void *arg)
{
    const actpass_event *which = arg;
    if (event == *which)
        actpass_abort(conn);
}

Test(conn, an_event_may_abort)
{
    static actpass_event events[] = {ACTPASS_EVENT_ROLE, ACTPASS_EVENT_HANDSHAKE};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 2; i++)
        for (int t = 0; t < 2; t++) {
            struct conn_rig rig;
            char byte;
            struct conn_rig_options options = conn_defaults(true, 1, conn_transports[t]);
            options.on_event = abort_in_event;
            options.on_event_arg = &events[i];
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
            if (shake_hands(&rig))
                cr_assert_eq(actpass_read(rig.conn, &byte, 1), -1);
            conn_must_end(&rig, ACTPASS_CANCELLED, t);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* ---- Making one
 * -------------------------------------------------------------------------------------------- */

Test(conn, a_configuration_that_cannot_be_used_closes_the_descriptor)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = conn_defaults(true, 1, ACTPASS_TRANSPORT_RELAY);
    actpass_config *config = conn_config(&suite.world, &options);
    cr_assert_eq(actpass_config_set_identity(config, "/no/such.pem", "/no/such.key"), 0);
    int fds[2];
    sockets_tcp(fds);
    cr_assert_null(actpass_accept_fd(config, fds[0]));
    cr_assert_not_null(strstr(actpass_config_error(config), "/no/such.pem"), "%s",
                       actpass_config_error(config));
    char byte;
    cr_assert_eq(recv(fds[1], &byte, 1, 0), 0, "the descriptor is still open");
    close(fds[1]);
    actpass_config_free(config);
    conn_suite_end(&suite);
}

Test(conn, what_is_no_connected_socket_fails)
{
    conn_suite_begin(&suite);
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    const int bad[] = {-1, pipes[0], socket(AF_INET, SOCK_DGRAM, 0)};
    struct conn_rig_options options = conn_defaults(true, 1, ACTPASS_TRANSPORT_RELAY);
    for (size_t i = 0; i < 3; i++) {
        actpass_config *config = conn_config(&suite.world, &options);
        actpass_conn *conn = actpass_accept_fd(config, bad[i]);
        cr_assert_null(conn, "descriptor %zu", i);
        cr_assert_gt(strlen(actpass_config_error(config)), 20, "%s", actpass_config_error(config));
        actpass_config_free(config);
    }
    close(pipes[1]);
    conn_suite_end(&suite);
}

Test(conn, a_socket_that_is_not_connected_ends_at_once)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++) {
        struct conn_rig_options options = conn_defaults(true, 1, conn_transports[t]);
        options.role = ACTPASS_ROLE_AUTO;
        actpass_config *config = conn_config(&suite.world, &options);
        actpass_conn *conn = actpass_accept_fd(config, socket(AF_INET, SOCK_STREAM, 0));
        cr_assert_not_null(conn);
        cr_assert_eq(actpass_handshake(conn), -1);
        cr_assert_eq(actpass_close(conn), ACTPASS_RESET, "%s", actpass_error(conn));
        actpass_free(conn);
        actpass_config_free(config);
    }
    conn_suite_end(&suite);
}

Test(conn, a_configuration_may_be_freed_before_its_connections)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        actpass_config_free(rig.config);
        rig.shared = true;
        cr_assert(shake_hands(&rig));
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn, names_of_the_public_enumerations)
{
    cr_assert_str_eq(actpass_end_name(ACTPASS_CLEAN), "CLEAN");
    cr_assert_str_eq(actpass_end_name(ACTPASS_REFUSED), "REFUSED");
    cr_assert_not_null(actpass_end_name((actpass_end)99));
    cr_assert_str_eq(actpass_role_name(ACTPASS_ROLE_CLIENT), "client");
    cr_assert_not_null(actpass_role_name((actpass_role)99));
    cr_assert_str_eq(actpass_cause_name(ACTPASS_CAUSE_SILENCE), "silence");
    cr_assert_str_eq(actpass_cause_name(ACTPASS_CAUSE_REFLECTION), "reflection");
    cr_assert_not_null(actpass_cause_name((actpass_cause)99));
}
