/* A connection's calls, one test for each promise of actpass.h. What takes load or many rounds is
 * in tests/torture. */
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn, .timeout = 30);

static struct conn_suite suite;

/* ---- Without a fault ------------------------------------------------------------------------- */

Test(conn, info_tells_what_is_known)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
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
        cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
        cr_assert(conn_shakes_hands(&rig), "again changes nothing");
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
        cr_assert_str_eq(actpass_error(rig.conn), "");
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
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        actpass_info_t info;
        struct conn_rig_options options = conn_way(which);
        bool server = options.role == ACTPASS_ROLE_SERVER;
        options.role = ACTPASS_ROLE_AUTO;
        options.initial_data_ms = server ? 10000 : 30;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
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
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig));
        cr_assert_eq(loop_write(&rig, NULL, 0), 0);
        cr_assert_eq(conn_write_some(rig.conn, NULL, 0), 0);
        cr_assert_eq(conn_read_some(rig.conn, &byte, 1), CONN_AGAIN);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Identity -------------------------------------------------------------------------------- */

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
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        options.client_auth = true;
        SSL_CTX *theirs = suite.world.theirs[options.version];
        suite.world.theirs[options.version] = socket_peer_context(
            options.version ? TLS1_3_VERSION : TLS1_2_VERSION,
            suite.world.pair->ends[0].certificate, suite.world.pair->ends[0].key);
        options.config = strict_config(&options, suite.world.pair->ends[0].name);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
        cr_assert_eq(loop_handshake(&rig), -1);
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
 * certificate; the first read reports it. */
Test(conn, hazard_16_the_peer_refuses_our_certificate)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        SSL_CTX_set_verify(suite.world.theirs[options.version],
                           SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, refuse);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
        bool late = options.role == ACTPASS_ROLE_CLIENT && options.version == 1;
        cr_assert_eq(conn_shakes_hands(&rig), late, "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(loop_read(&rig, &byte, 1), -1);
        conn_must_end(&rig, ACTPASS_REFUSED, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Events ----------------------------------------------------------------------------- */

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

static void note_slowly(actpass_conn *conn, actpass_event event, void *arg)
{
    if (event == ACTPASS_EVENT_ROLE)
        pause_ms(5);
    note_event(conn, event, arg);
}

static void events_are_in_order(int which, bool automatic,
                                void (*note)(actpass_conn *, actpass_event, void *))
{
    struct conn_rig rig;
    struct events events = {0};
    struct conn_rig_options options = conn_way(which);
    options.on_event = note;
    options.on_event_arg = &events;
    if (automatic) {
        options.initial_data_ms = options.role == ACTPASS_ROLE_SERVER ? 10000 : 0;
        options.role = ACTPASS_ROLE_AUTO;
    }
    conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
    cr_assert(conn_shakes_hands(&rig), "%s", conn_rig_says(&rig));
    conn_must_end(&rig, ACTPASS_CLEAN, which);
    (void)loop_close(&rig);
    conn_rig_free(&rig);
    cr_assert(events.role == 1 && events.handshake == 2 && events.close == 3 && events.count == 3,
              "way %d: role %d, handshake %d, close %d", which, events.role, events.handshake,
              events.close);
}

Test(conn, events_come_once_each_and_in_order)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which))
            events_are_in_order(which, round % 2, note_event);
    conn_suite_end(&suite);
}

/* The role's event may be on another thread than those after it. */
Test(conn, no_event_overtakes_that_of_the_role)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < 10; round++)
        for (int which = 0; which < CONN_WAYS; which = conn_next_way(which))
            events_are_in_order(which, round % 2, note_slowly);
    conn_suite_end(&suite);
}

static void speak_http(struct socket_peer *peer, void *arg)
{
    static const char request[] = "GET / HTTP/1.1\r\n";
    (void)arg;
    (void)socket_peer_send_raw(peer, request, sizeof(request) - 1);
    (void)socket_peer_to_eof(peer);
}

Test(conn, events_of_one_that_fails)
{
    conn_suite_begin(&suite);
    for (int t = 0; t < 2; t++) {
        struct conn_rig rig;
        struct events events = {0};
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
        options.role = ACTPASS_ROLE_AUTO;
        options.on_event = note_event;
        options.on_event_arg = &events;
        conn_rig_init(&rig, &suite.world, &options, speak_http, NULL);
        cr_assert_eq(loop_handshake(&rig), -1);
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
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
            options.on_event = abort_in_event;
            options.on_event_arg = &events[i];
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
            if (conn_shakes_hands(&rig))
                cr_assert_eq(loop_read(&rig, &byte, 1), -1);
            conn_must_end(&rig, ACTPASS_CANCELLED, t);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}

/* ---- Making one ------------------------------------------------------------------------------ */

Test(conn, a_configuration_that_cannot_be_used_closes_the_descriptor)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
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
    struct conn_rig_options options =
        conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
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
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[t]);
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
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        actpass_config_free(rig.config);
        rig.shared = true;
        cr_assert(conn_shakes_hands(&rig));
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
