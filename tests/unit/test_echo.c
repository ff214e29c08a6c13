/* echo: what is read comes back, also to a peer that takes its time, and none of it is kept
 * afterwards (seen with asan). */
#include "server/daemon/handlers/handler.h"

#include "tests/support/conn_suite.h"
#include "tests/support/share.h"
#include "tests/support/steps.h"

#include <criterion/criterion.h>

static struct conn_suite suite;

static void begin(void)
{
    conn_suite_begin(&suite);
}

static void end(void)
{
    conn_suite_end(&suite);
}

TestSuite(echo, .init = begin, .fini = end, .timeout = 60);

enum { WAYS = 16 }; /* eight kinds of connection, two ways to wait */

/* The connection is closed, and is the caller's to free. */
static actpass_end serve(struct conn_rig *rig, int which)
{
    struct handler_job job = steps_job(rig->conn);
    cr_assert_eq(actpass_handshake(rig->conn), 0, "way %d: %s", which, conn_rig_says(rig));
    (void)steps_run(&echo_handler, &job, which & 8 ? STEPS_EDGE : STEPS_LEVEL);
    cr_assert_null(job.state);
    cr_assert_eq(job.own.fd, -1);
    return actpass_close(rig->conn);
}

static void play_bulk(struct socket_peer *peer, void *arg)
{
    const struct socket_peer_plan *plan = arg;
    if (socket_peer_handshake(peer) && socket_peer_exchange(peer, plan))
        (void)socket_peer_end_in_order(peer);
}

Test(echo, gives_back_what_it_reads)
{
    enum { BULK = TEST_ROUNDS(3 << 20) };
    struct socket_peer_plan plan = {
        .send = BULK, .receive = BULK, .send_seed = 7, .receive_seed = 7};
    for (int which = 0; which < WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which & 7);
        conn_rig_init(&rig, &suite.world, &options, play_bulk, &plan);
        cr_assert_eq(serve(&rig, which), ACTPASS_CLEAN, "way %d: %s", which, conn_rig_says(&rig));
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
}

/* More than the ring of one direction and the sockets hold, and less than those of both: the peer
 * reads only then, so that echo must keep a rest. */
Test(echo, waits_for_a_peer_that_reads_late)
{
    struct socket_peer_plan plan = {
        .send = 400000, .receive = 400000, .send_seed = 7, .receive_seed = 7, .write_first = true};
    for (int which = 0; which < WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which & 3); /* with rings */
        options.unix_sockets = true;
        conn_rig_init(&rig, &suite.world, &options, play_bulk, &plan);
        cr_assert_eq(serve(&rig, which), ACTPASS_CLEAN, "way %d: %s", which, conn_rig_says(&rig));
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
}

static void write_only(struct socket_peer *peer, void *arg)
{
    static char block[65536];
    (void)arg;
    peer->deaf = socket_peer_handshake(peer);
    while (peer->deaf && peer->end == PEER_OPEN && socket_peer_write(peer, block, sizeof(block)))
        ;
}

Test(echo, gives_up_a_peer_that_never_reads)
{
    for (int which = 0; which < WAYS; which++) {
        struct conn_rig rig;
        struct conn_rig_options options = conn_way(which & 7);
        options.write_ms = 100;
        conn_rig_init(&rig, &suite.world, &options, write_only, NULL);
        actpass_end end_of_it = serve(&rig, which);
        cr_assert_eq(end_of_it, ACTPASS_TIMEOUT, "way %d: %s", which, conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
}

Test(echo, ends_when_it_is_aborted_or_idle)
{
    for (int which = 0; which < 2 * WAYS; which++) {
        struct conn_rig rig;
        bool aborted = which >= WAYS;
        struct conn_rig_options options = conn_way(which & 7);
        options.idle_ms = aborted ? 20000 : 50;
        conn_rig_init(&rig, &suite.world, &options, peer_shakes_hands, NULL);
        cr_assert_eq(actpass_handshake(rig.conn), 0, "way %d: %s", which, conn_rig_says(&rig));
        if (aborted)
            actpass_abort(rig.conn);
        cr_assert_eq(serve(&rig, which), aborted ? ACTPASS_CANCELLED : ACTPASS_TIMEOUT,
                     "way %d: %s", which, conn_rig_says(&rig));
        conn_rig_free(&rig);
    }
}
