/* Connections under load: much data both ways at once, and peers with bad manners. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>

enum { MIB = 1024 * 1024 / TEST_SHARE };

static struct conn_suite suite;

TestSuite(conn_streams, .timeout = 60);

/* What both ends say; the peer has the other end of it. */
struct talk {
    struct socket_peer_plan ours, theirs;
    int64_t pause_after_ms; /* the peer does not read for so long after its handshake */
};

static struct talk talk_of(uint64_t send, uint64_t receive)
{
    return (struct talk){
        .ours = {.send = send, .receive = receive, .send_seed = 1, .receive_seed = 2},
        .theirs = {.send = receive, .receive = send, .send_seed = 2, .receive_seed = 1}};
}

static void converse(struct socket_peer *peer, void *arg)
{
    const struct talk *talk = arg;
    if (!socket_peer_handshake(peer))
        return;
    if (talk->pause_after_ms)
        pause_ms(talk->pause_after_ms);
    if (socket_peer_exchange(peer, &talk->theirs))
        (void)socket_peer_end_in_order(peer);
}

typedef bool (*exchange)(struct conn_rig *rig, const struct socket_peer_plan *plan);

static void run(const struct conn_rig_options *options, struct talk talk, exchange way,
                const char *what)
{
    struct conn_rig rig;
    conn_rig_init(&rig, &suite.world, options, converse, &talk);
    bool good = loop_handshake(&rig) == 0 && way(&rig, &talk.ours) && conn_rig_end_in_order(&rig);
    socket_peer_join(rig.peer);
    cr_assert(good && !rig.peer->failure[0], "%s: role %s, TLS 1.%d, transport %d, driver %d: %s",
              what, actpass_role_name(options->role), options->version + 2, options->transport,
              options->driver, conn_rig_says(&rig));
    conn_rig_free(&rig);
}

/* Both roles, versions and transports; VARIED has the rest. */
static void run_all(const struct conn_rig_options *varied, struct talk talk, exchange way,
                    const char *what)
{
    for (int which = 0; which < 8; which = conn_next_way(which)) {
        struct conn_rig_options options = *varied;
        options.role = which & 1 ? ACTPASS_ROLE_SERVER : ACTPASS_ROLE_CLIENT;
        options.peer.server = !(which & 1);
        options.version = which >> 1 & 1;
        options.transport = conn_transports[which >> 2];
        run(&options, talk, way, what);
    }
}

static struct conn_rig_options usual(void)
{
    return conn_defaults(ACTPASS_ROLE_SERVER, 1, ACTPASS_TRANSPORT_RELAY);
}

/* ---- Both ends write at once (hazard 12) ------------------------------------------------ */

Test(conn_streams, hazard_12_both_write_4_mib_reader_and_writer_threads)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = usual();
    struct talk talk = talk_of(4 * MIB, 4 * MIB);
    talk.theirs.write_first = true; /* it reads only when all is written */
    run_all(&options, talk, conn_rig_exchange, "write first");
    conn_suite_end(&suite);
}

Test(conn_streams, hazard_12_both_write_4_mib_one_thread)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = usual();
    struct talk talk = talk_of(4 * MIB, 4 * MIB);
    talk.theirs.write_first = true;
    run_all(&options, talk, conn_rig_exchange_at_once, "write first");
    conn_suite_end(&suite);
}

Test(conn_streams, both_ways_with_every_driver)
{
    static const enum relay_driver drivers[] = {DRIVER_RELAY, DRIVER_CONVERSATION, DRIVER_RANDOM};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 3; i++)
        for (int role = 0; role < 2; role++) {
            struct conn_rig_options options =
                conn_defaults(conn_roles[role], 1, ACTPASS_TRANSPORT_RELAY);
            options.driver = drivers[i];
            run(&options, talk_of(MIB, MIB), conn_rig_exchange, "threads");
            run(&options, talk_of(MIB, MIB), conn_rig_exchange_at_once, "one thread");
        }
    conn_suite_end(&suite);
}

Test(conn_streams, both_ways_through_small_rings)
{
    static const size_t rings[] = {1, 17, 100, 5000};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 4; i++) {
        struct conn_rig_options options = usual();
        options.ring = rings[i];
        options.unix_sockets = i & 1;
        struct talk talk = talk_of(TEST_ROUNDS(rings[i] * 1000), TEST_ROUNDS(rings[i] * 1000));
        run_all(&options, talk, conn_rig_exchange, "threads");
        run_all(&options, talk, conn_rig_exchange_at_once, "one thread");
    }
    conn_suite_end(&suite);
}

Test(conn_streams, both_ways_in_small_system_calls)
{
    static const size_t caps[] = {1, 3, 1000};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 3; i++) {
        struct conn_rig_options options = usual();
        options.io_cap = caps[i];
        options.peer.send_cap = options.peer.receive_cap = caps[i];
        struct talk talk = talk_of(TEST_ROUNDS(caps[i] * 2000), TEST_ROUNDS(caps[i] * 2000));
        run_all(&options, talk, conn_rig_exchange, "threads");
    }
    conn_suite_end(&suite);
}

Test(conn_streams, one_way_each)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = usual();
    run_all(&options, talk_of(2 * MIB, 0), conn_rig_exchange, "we send");
    run_all(&options, talk_of(0, 2 * MIB), conn_rig_exchange, "the peer sends");
    run_all(&options, talk_of(0, 0), conn_rig_exchange, "nobody sends");
    conn_suite_end(&suite);
}

/* ---- Peers with bad manners ------------------------------------------------------------------ */

Test(conn_streams, a_peer_that_dribbles)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = usual();
    options.peer.send_cap = 5;
    options.peer.pause_us = 100;
    run_all(&options, talk_of(TEST_ROUNDS(100000), TEST_ROUNDS(3000)), conn_rig_exchange,
            "threads");
    run_all(&options, talk_of(TEST_ROUNDS(100000), TEST_ROUNDS(3000)), conn_rig_exchange_at_once,
            "one thread");
    conn_suite_end(&suite);
}

Test(conn_streams, a_peer_that_stops_reading_for_a_while)
{
    conn_suite_begin(&suite);
    struct conn_rig_options options = usual();
    struct talk talk = talk_of(6 * MIB, 1000);
    talk.pause_after_ms = 300;
    run_all(&options, talk, conn_rig_exchange, "threads");
    conn_suite_end(&suite);
}

/* ---- KeyUpdate (hazards 13 and 14) ----------------------------------------------------------- */

/* Each of the peer's 400 bytes asks for an answer, while we are writing. */
Test(conn_streams, hazard_13_key_updates_while_we_write)
{
    static const size_t rings[] = {0, 100, 40000};
    conn_suite_begin(&suite);
    for (size_t i = 0; i < 3; i++)
        for (int which = 0; which < 4; which++) {
            struct conn_rig_options options =
                conn_defaults(conn_roles[which & 1], 1, conn_transports[which >> 1]);
            options.ring = rings[i];
            struct talk talk =
                talk_of(rings[i] == 100 ? TEST_ROUNDS(50000) : 2 * MIB, TEST_ROUNDS(100000));
            talk.theirs.key_update_every = 400;
            run(&options, talk, conn_rig_exchange, "threads");
            run(&options, talk, conn_rig_exchange_at_once, "one thread");
        }
    conn_suite_end(&suite);
}

struct storm {
    unsigned updates, rounds;
    bool requested, data_at_the_end;
};

static void storm(struct socket_peer *peer, void *arg)
{
    const struct storm *storm = arg;
    if (!socket_peer_handshake(peer))
        return;
    for (unsigned round = 0; round < storm->rounds; round++) {
        for (unsigned i = 0; i < storm->updates; i++)
            if (!socket_peer_key_update(peer, storm->requested))
                return;
        if (storm->data_at_the_end)
            (void)SSL_write(peer->ssl, "x", 1); /* flushed with the rest */
    }
    if (socket_peer_flush(peer))
        (void)socket_peer_end_in_order(peer);
}

/* Reads to the end, and returns how that came. */
static actpass_end end_of_storm(struct storm storm_, bool server, actpass_transport transport)
{
    struct conn_rig rig;
    struct conn_rig_options options = conn_defaults(conn_roles[server], 1, transport);
    char scratch[100];
    conn_rig_init(&rig, &suite.world, &options, storm, &storm_);
    cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
    while (loop_read(&rig, scratch, sizeof(scratch)) > 0)
        ;
    actpass_end end = loop_close(&rig);
    conn_rig_free(&rig);
    return end;
}

Test(conn_streams, hazard_14_key_updates_with_data_between_are_fine)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which = conn_next_way(which)) {
        struct storm storm = {.updates = 32,
                              .rounds = TEST_ROUNDS(30),
                              .requested = which & 1,
                              .data_at_the_end = true};
        actpass_end end = end_of_storm(storm, which & 2, conn_transports[which >> 2]);
        cr_assert_eq(end, ACTPASS_CLEAN, "%d: %s", which, actpass_end_name(end));
    }
    conn_suite_end(&suite);
}

/* A byte now and then does not pay for a flood. Time does, at 10 ms for a message beyond the first
 * 1024: where a slow machine takes so long, there is no flood. */
Test(conn_streams, hazard_14_too_many_key_updates_in_all_are_an_attack)
{
    enum { ROW = 32, ROUNDS = 60, PAID_BY_DATA = 10, FREE = 1024 };
    const int64_t slow_us = (ROW * ROUNDS - FREE - PAID_BY_DATA) * INT64_C(10000);
    conn_suite_begin(&suite);
    for (int which = 0; which < 8; which = conn_next_way(which)) {
        struct storm storm = {
            .updates = ROW, .rounds = ROUNDS, .requested = which & 1, .data_at_the_end = true};
        int64_t began_us = clock_now_us();
        actpass_end end = end_of_storm(storm, which & 2, conn_transports[which >> 2]);
        bool slow = end == ACTPASS_CLEAN && clock_now_us() - began_us > slow_us;
        cr_assert(end == ACTPASS_PROTOCOL || slow, "%d: %s", which, actpass_end_name(end));
    }
    conn_suite_end(&suite);
}

Test(conn_streams, hazard_14_too_many_key_updates_in_a_row_are_an_attack)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < 16; which++) {
        struct storm storm = {.updates = 33 + (unsigned)(which & 1) * 1000,
                              .rounds = 1,
                              .requested = which & 2,
                              .data_at_the_end = which & 4};
        actpass_end end = end_of_storm(storm, true, conn_transports[which >> 3]);
        cr_assert_eq(end, ACTPASS_PROTOCOL, "%d: %s", which, actpass_end_name(end));
    }
    conn_suite_end(&suite);
}
