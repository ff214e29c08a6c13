/* Things that happen at any moment: aborts, resets, pauses of the conversation, many connections at
 * once. */
#include "relay/clock.h"
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TestSuite(conn_moments, .timeout = 60);

static struct conn_suite suite;

static void sleep_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* ---- Aborts and resets ----------------------------------------------------------------------- */

struct moment {
    actpass_conn *conn;
    long after_us;
};

static void *abort_then(void *arg)
{
    const struct moment *moment = arg;
    sleep_us(moment->after_us);
    actpass_abort(moment->conn);
    return NULL;
}

/* A short conversation with two threads on it. */
static void converse(struct conn_rig *rig)
{
    struct socket_peer_plan plan = {
        .send = 100000, .receive = 100000, .send_seed = 1, .receive_seed = 1};
    if (loop_handshake(rig) == 0)
        (void)conn_rig_exchange(rig, &plan);
}

Test(conn_moments, aborted_at_any_moment)
{
    conn_suite_begin(&suite);
    srand(11);
    unsigned clean = 0, cancelled = 0;
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig_options options = conn_way(which);
        options.config = conn_config(&suite.world, &options);
        for (int round = 0; round < TEST_ROUNDS(60); round++) {
            struct conn_rig rig;
            pthread_t thread;
            conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
            struct moment moment = {.conn = rig.conn, .after_us = rand() % 12000};
            cr_assert_eq(pthread_create(&thread, NULL, abort_then, &moment), 0);
            converse(&rig);
            actpass_end end = loop_close(&rig);
            cr_assert_eq(pthread_join(thread, NULL), 0);
            cr_assert(end == ACTPASS_CLEAN || end == ACTPASS_CANCELLED, "way %d: %s", which,
                      conn_rig_says(&rig));
            clean += end == ACTPASS_CLEAN;
            cancelled += end == ACTPASS_CANCELLED;
            conn_rig_free(&rig);
        }
        actpass_config_free(options.config);
    }
    cr_assert_gt(cancelled, 0);
    cr_assert_gt(clean + cancelled, 0);
    conn_suite_end(&suite);
}

static void echo_until(struct socket_peer *peer, void *arg)
{
    const int64_t *until_us = arg;
    char data[16384];
    int got = 1;
    if (socket_peer_handshake(peer))
        while (got > 0 && clock_now_us() < *until_us) {
            got = socket_peer_read(peer, data, sizeof(data));
            if (got > 0 && !socket_peer_write(peer, data, (size_t)got))
                break;
        }
    if (peer->fd >= 0)
        socket_peer_reset(peer);
}

Test(conn_moments, reset_at_any_moment)
{
    conn_suite_begin(&suite);
    srand(11);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        struct conn_rig_options options = conn_way(which);
        options.config = conn_config(&suite.world, &options);
        for (int round = 0; round < TEST_ROUNDS(40); round++) {
            struct conn_rig rig;
            int64_t until_us = clock_now_us() + rand() % 8000;
            conn_rig_init(&rig, &suite.world, &options, echo_until, &until_us);
            converse(&rig);
            actpass_end end = loop_close(&rig);
            /* The rig aborts the writer when the reader has failed. */
            cr_assert(end == ACTPASS_RESET || end == ACTPASS_TRUNCATED, "way %d: %s", which,
                      conn_rig_says(&rig));
            conn_rig_free(&rig);
        }
        actpass_config_free(options.config);
    }
    conn_suite_end(&suite);
}

/* ---- A conversation that comes and goes ------------------------------------------------------ */

/* Its pauses are about as long as the relay thread waits before it runs the I/O loop. */
Test(conn_moments, a_conversation_that_comes_and_goes)
{
    static const enum relay_driver drivers[] = {DRIVER_AUTO, DRIVER_AUTO, DRIVER_RELAY,
                                                DRIVER_RANDOM};
    conn_suite_begin(&suite);
    srand(11);
    for (int i = 0; i < 4; i++) {
        struct conn_rig rig;
        uint8_t data[30000], got[30000];
        struct conn_rig_options options =
            conn_defaults(conn_roles[i & 1], 1, ACTPASS_TRANSPORT_RELAY);
        options.driver = drivers[i];
        conn_rig_init(&rig, &suite.world, &options, peer_echoes, NULL);
        cr_assert_eq(loop_handshake(&rig), 0);
        for (int round = 0; round < TEST_ROUNDS(120); round++) {
            size_t size = (size_t)(rand() % (int)sizeof(data)) + 1, have = 0;
            pattern_fill(data, size, (uint64_t)round, 3);
            cr_assert_eq(loop_write(&rig, data, size), 0, "%s", conn_rig_says(&rig));
            sleep_us(rand() % 3 ? rand() % 1000 : rand() % 25000);
            while (have < size) {
                int64_t some = loop_read(&rig, got + have, size - have);
                cr_assert_gt(some, 0, "driver %d: %s", drivers[i], conn_rig_says(&rig));
                have += (size_t)some;
                if (rand() % 4 == 0)
                    sleep_us(rand() % 15000);
            }
            cr_assert_arr_eq(got, data, size);
        }
        cr_assert_eq(loop_close(&rig), ACTPASS_CLEAN, "%s", conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* The same with memory given back in each wait that is long. */
static void echo_late(struct socket_peer *peer, void *arg)
{
    char data[16384];
    int got;
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    while ((got = socket_peer_read(peer, data, sizeof(data))) > 0) {
        pause_ms(1500);
        if (!socket_peer_write(peer, data, (size_t)got))
            return;
    }
    if (got == 0)
        (void)socket_peer_end_in_order(peer);
}

Test(conn_moments, memory_given_back_in_a_long_wait_is_not_missed)
{
    conn_suite_begin(&suite);
    srand(11);
    for (int which = 0; which < 4; which++) {
        struct conn_rig rig;
        char got[6] = "";
        struct conn_rig_options options =
            conn_defaults(conn_roles[which & 1], 1, conn_transports[which >> 1]);
        options.loop = LOOP_TOLD;
        conn_rig_init(&rig, &suite.world, &options, echo_late, NULL);
        cr_assert_eq(loop_handshake(&rig), 0);
        for (int round = 1; round < 3; round++) {
            cr_assert_eq(loop_write(&rig, "hello", 5), 0);
            cr_assert_eq(actpass_read(rig.conn, got, 5), ACTPASS_AGAIN, "round %d", round);
            actpass_release_memory(rig.conn);
            cr_assert_eq(loop_read(&rig, got, 5), 5, "%s", conn_rig_says(&rig));
            cr_assert_str_eq(got, "hello");
        }
        cr_assert_eq(loop_close(&rig), ACTPASS_CLEAN, "%s", conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Many at once ---------------------------------------------------------------------------- */

enum { MANY = 8 + 32 / TEST_SHARE, MANY_SIZE = 50000 };

struct one {
    const struct conn_rig_options *options;
    bool good;
    char says[300];
};

static void *one_of_many(void *arg)
{
    struct one *one = arg;
    struct conn_rig rig;
    struct socket_peer_plan plan = {
        .send = MANY_SIZE, .receive = MANY_SIZE, .send_seed = 4, .receive_seed = 4};
    conn_rig_init(&rig, &suite.world, one->options, peer_echoes, NULL);
    one->good = loop_handshake(&rig) == 0 && conn_rig_exchange(&rig, &plan) &&
                loop_close(&rig) == ACTPASS_CLEAN;
    snprintf(one->says, sizeof(one->says), "%s", conn_rig_says(&rig));
    conn_rig_free(&rig);
    return NULL;
}

Test(conn_moments, many_connections_of_one_configuration)
{
    conn_suite_begin(&suite);
    srand(11);
    for (int which = 0; which < CONN_WAYS; which = conn_next_way(which)) {
        static struct one ones[MANY];
        pthread_t threads[MANY];
        struct conn_rig_options options = conn_way(which);
        options.config = conn_config(&suite.world, &options);
        for (int i = 0; i < MANY; i++) {
            ones[i].options = &options;
            cr_assert_eq(pthread_create(&threads[i], NULL, one_of_many, &ones[i]), 0);
        }
        for (int i = 0; i < MANY; i++)
            cr_assert_eq(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < MANY; i++)
            cr_assert(ones[i].good, "way %d, connection %d: %s", which, i, ones[i].says);
        actpass_config_free(options.config);
    }
    conn_suite_end(&suite);
}
