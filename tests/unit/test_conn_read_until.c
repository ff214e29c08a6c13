/* A read with a deadline of its own: the connection goes on after it. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(conn_read_until, .timeout = 60);

static struct conn_suite suite;

enum { SHORT_MS = 30, LONG_MS = 20000 };

Test(conn_read_until, after_the_time_the_connection_goes_on)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        int64_t before_us = clock_now_us();
        cr_assert_eq(actpass_read_until(rig.conn, got, 5, SHORT_MS), ACTPASS_AGAIN);
        cr_assert_geq(clock_now_us() - before_us, SHORT_MS * 1000);
        cr_assert_eq(actpass_read_until(rig.conn, got, 5, 0), ACTPASS_AGAIN);
        cr_assert_eq(actpass_ended(rig.conn), ACTPASS_OPEN);
        cr_assert_eq(loop_write(&rig, "hello", 5), 0);
        cr_assert_eq(actpass_read_until(rig.conn, got, 5, LONG_MS), 5);
        cr_assert_str_eq(got, "hello");
        cr_assert_eq(loop_write(&rig, "again", 5), 0);
        cr_assert_eq(actpass_read_until(rig.conn, got, 5, -1), 5);
        cr_assert_str_eq(got, "again");
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        cr_assert_eq(actpass_read_until(rig.conn, got, 5, LONG_MS), -1);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_read_until, not_before_the_handshake)
{
    conn_suite_begin(&suite);
    struct conn_rig rig;
    char byte;
    struct conn_rig_options options = conn_way(0);
    conn_rig_init(&rig, &suite.world, &options, peer_does_nothing, NULL);
    cr_assert_eq(actpass_read_until(rig.conn, &byte, 1, 0), -1);
    conn_rig_free(&rig);
    conn_suite_end(&suite);
}

/* The idle timeout is the shorter one. */
Test(conn_read_until, the_idle_timeout_holds_too)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        options.idle_ms = SHORT_MS;
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(actpass_read_until(rig.conn, &byte, 1, LONG_MS), -1);
        conn_must_end(&rig, ACTPASS_TIMEOUT, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

Test(conn_read_until, the_end_of_the_stream)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        char byte;
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands_and_ends, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        cr_assert_eq(actpass_read_until(rig.conn, &byte, 1, LONG_MS), 0);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

enum { MUCH = 1000000, SEED = 3 };

static void sends_much(struct socket_peer *peer, void *arg)
{
    const struct socket_peer_plan plan = {.send = MUCH, .send_seed = SEED};
    (void)arg;
    if (socket_peer_handshake(peer) && socket_peer_exchange(peer, &plan))
        (void)socket_peer_end_in_order(peer);
}

/* Far more than SSL may read in one wait. */
Test(conn_read_until, looks_without_waiting_take_all_there_is)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig rig;
        uint8_t data[4000];
        int64_t got = 1, total = 0, deadline_us = clock_deadline_ms(LONG_MS);
        struct conn_rig_options options = conn_way(which);
        conn_rig_init(&rig, &suite.world, &options, sends_much, NULL);
        cr_assert(conn_shakes_hands(&rig), "way %d: %s", which, conn_rig_says(&rig));
        while (got != 0) {
            got = actpass_read_until(rig.conn, data, sizeof(data), 0);
            cr_assert(got >= 0 || got == ACTPASS_AGAIN, "way %d: %s", which, conn_rig_says(&rig));
            cr_assert_lt(clock_now_us(), deadline_us, "way %d: stuck after %lld bytes", which,
                         (long long)total);
            if (got > 0)
                cr_assert(pattern_matches(data, (size_t)got, (uint64_t)total, SEED));
            total += got > 0 ? got : 0;
        }
        cr_assert_eq(total, MUCH);
        conn_must_end(&rig, ACTPASS_CLEAN, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}
