/* The role and the handshake where it is close: hellos in pieces, hellos at the moment of the
 * timeout, questions from other threads meanwhile. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

TestSuite(conn_verdict, .timeout = 60);

static struct conn_suite suite;

/* ---- Hellos in pieces ------------------------------------------------------------------------ */

static void assert_echo(const struct conn_rig_options *options, const char *what)
{
    struct conn_rig rig;
    actpass_info_t info;
    char got[6] = "";
    conn_rig_init(&rig, &suite.world, options, peer_echoes, NULL);
    cr_assert_eq(loop_handshake(&rig), 0, "%s: %s", what, conn_rig_says(&rig));
    actpass_info(rig.conn, &info);
    cr_assert_eq(info.cause, ACTPASS_CAUSE_CLIENT_HELLO, "%s", what);
    cr_assert_eq(loop_write(&rig, "hello", 5), 0, "%s", what);
    cr_assert_eq(loop_read(&rig, got, 5), 5, "%s: %s", what, conn_rig_says(&rig));
    cr_assert_eq(loop_close(&rig), ACTPASS_CLEAN, "%s: %s", what, conn_rig_says(&rig));
    conn_rig_free(&rig);
}

Test(conn_verdict, hellos_over_many_records_and_segments)
{
    static const size_t pieces[] = {1, 2, 3, 4, 5, 50, 200};
    static const size_t caps[] = {0, 1, 7};
    conn_suite_begin(&suite);
    for (int which = 0; which < 4; which++)
        for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++)
            for (size_t c = 0; c < 3; c++) {
                struct conn_rig_options options =
                    conn_defaults(ACTPASS_ROLE_SERVER, which & 1, conn_transports[which >> 1]);
                options.role = ACTPASS_ROLE_AUTO;
                options.peer.hello_piece = pieces[p];
                options.peer.send_cap = caps[c];
                char what[100];
                snprintf(what, sizeof(what), "TLS 1.%d, transport %d, records of %zu, cap %zu",
                         2 + (which & 1), which >> 1, pieces[p], caps[c]);
                assert_echo(&options, what);
            }
    conn_suite_end(&suite);
}

/* ---- At the moment of the timeout ------------------------------------------------------------ */

enum { INITIAL_MS = 10 };

static void speak_at(struct socket_peer *peer, void *arg)
{
    const int64_t *at_us = arg;
    struct timespec until = clock_absolute(*at_us);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
        ;
    if (socket_peer_handshake(peer))
        (void)socket_peer_end_in_order(peer);
    else
        socket_peer_fin(peer);
}

/* A working connection, or what the page on glare says of a peer that does not know the rule. */
static bool is_documented(const actpass_info_t *info, bool up, actpass_end end)
{
    if (up)
        return info->role == ACTPASS_ROLE_SERVER && end == ACTPASS_CLEAN;
    return info->cause != ACTPASS_CAUSE_CLIENT_HELLO && end == ACTPASS_PROTOCOL;
}

static void race(actpass_transport transport, int version)
{
    unsigned up_count = 0;
    struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, version, transport);
    options.role = ACTPASS_ROLE_AUTO;
    options.initial_data_ms = INITIAL_MS;
    options.config = conn_config(&suite.world, &options);
    for (int round = 0; round < 200; round++) {
        struct conn_rig rig;
        actpass_info_t info;
        int64_t at_us = clock_now_us() + INITIAL_MS * 1000 + (round - 100) * 10;
        conn_rig_init(&rig, &suite.world, &options, speak_at, &at_us);
        bool up = loop_handshake(&rig) == 0;
        actpass_end end = loop_close(&rig);
        actpass_info(rig.conn, &info);
        cr_assert(is_documented(&info, up, end), "round %d: %s, %s, %s: %s", round,
                  actpass_role_name(info.role), actpass_cause_name(info.cause),
                  actpass_end_name(end), conn_rig_says(&rig));
        up_count += up;
        conn_rig_free(&rig);
    }
    actpass_config_free(options.config);
    cr_assert_gt(up_count, 10, "the peer never spoke in time");
    cr_assert_lt(up_count, 200, "the peer never spoke too late");
}

Test(conn_verdict, a_hello_within_a_millisecond_of_the_timeout)
{
    conn_suite_begin(&suite);
    race(ACTPASS_TRANSPORT_RELAY, 0);
    race(ACTPASS_TRANSPORT_RELAY, 1);
    conn_suite_end(&suite);
}

Test(conn_verdict, a_hello_within_a_millisecond_of_the_timeout_direct)
{
    conn_suite_begin(&suite);
    race(ACTPASS_TRANSPORT_DIRECT, 1);
    conn_suite_end(&suite);
}

/* ---- Questions from another thread ----------------------------------------------------------- */

struct asker {
    actpass_conn *conn;
    atomic_bool stop;
    size_t characters;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    while (!atomic_load(&asker->stop)) {
        actpass_info_t info;
        actpass_info(asker->conn, &info);
        asker->characters += strlen(info.protocol) + strlen(info.cipher) + strlen(info.alpn) +
                             strlen(info.peer_subject) + strlen(info.peer_fingerprint) +
                             strlen(info.peer_address) + strlen(actpass_error(asker->conn));
        (void)actpass_ended(asker->conn);
    }
    return NULL;
}

Test(conn_verdict, info_from_another_thread_at_any_time)
{
    conn_suite_begin(&suite);
    for (int round = 0; round < TEST_ROUNDS(20); round++)
        for (int which = 0; which < 8; which++) {
            struct conn_rig rig;
            pthread_t thread;
            struct conn_rig_options options =
                conn_defaults(conn_roles[which & 1], which >> 1 & 1, conn_transports[which >> 2]);
            options.client_auth = true;
            conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
            struct asker asker = {.conn = rig.conn};
            cr_assert_eq(pthread_create(&thread, NULL, ask, &asker), 0);
            cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
            cr_assert_eq(loop_close(&rig), ACTPASS_CLEAN, "%s", conn_rig_says(&rig));
            atomic_store(&asker.stop, true);
            cr_assert_eq(pthread_join(thread, NULL), 0);
            conn_rig_free(&rig);
        }
    conn_suite_end(&suite);
}
