/* What an attack on the relay and the connection found, each kept as a test: waits that spun,
 * wake-ups that were lost, ends that were said wrongly. */
#include "relay/clock.h"
#include "relay/relay.h"
#include "server/lib/conn.h"
#include "tests/support/conn_suite.h"
#include "tests/support/relay_bench.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(conn_attack, .timeout = 60);

enum { LONG_MS = 10000, SHORT_MS = 50, SPIN_MS = 300, SPIN_MOST_US = 60000 };

/* ---- A relay with plain bytes ----------------------------------------------------------- */

static void small_sockets(int fds[2])
{
    sockets_tcp(fds);
    socket_small_buffers(fds[0]);
    socket_small_buffers(fds[1]);
}

static void bench_init(struct relay_bench *bench, const struct relay_options *options)
{
    struct relay_options own = *options;
    own.role = ROLE_SERVER;
    relay_bench_start_on(bench, &own, small_sockets);
}

/* The peer does not read: writes until nothing moves. */
static void fill_output(struct relay_bench *bench)
{
    static const char block[4096];
    do {
        while (BIO_write(bench->bio, block, sizeof(block)) > 0)
            relay_flush(bench->relay);
    } while (relay_wait(bench->relay, RELAY_WRITABLE, NULL, 0, clock_deadline_ms(20)) ==
                 WAIT_READY &&
             !relay_status(bench->relay).timed_out);
}

static int64_t cpu_us_of_wait(struct relay_bench *bench)
{
    int64_t before_us = cpu_time_us();
    (void)relay_wait(bench->relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(SPIN_MS));
    return cpu_time_us() - before_us;
}

/* Once output is given up, its time limit is past for ever. */
Test(conn_attack, after_the_write_timeout_nobody_spins)
{
    for (size_t i = 0; i < 2; i++) {
        struct relay_bench bench;
        struct relay_options options = {.transport = relay_transports[i],
                                        .write_timeout_ms = SHORT_MS};
        bench_init(&bench, &options);
        fill_output(&bench);
        cr_assert_eq(relay_wait(bench.relay, RELAY_WRITABLE, NULL, 0, clock_deadline_ms(LONG_MS)),
                     WAIT_READY);
        cr_assert(relay_status(bench.relay).timed_out);
        cr_assert_lt(cpu_us_of_wait(&bench), SPIN_MOST_US, "transport %zu: in a wait", i);
        int64_t before_us = cpu_time_us();
        pause_ms(SPIN_MS);
        cr_assert_lt(cpu_time_us() - before_us, SPIN_MOST_US, "transport %zu: away", i);
        relay_bench_free(&bench);
    }
}

/* A reset found while output is stuck: later the write timeout passes. */
Test(conn_attack, a_reset_with_output_stuck_does_not_spin_later)
{
    struct relay_bench bench;
    struct relay_options options = {.write_timeout_ms = 400};
    bench_init(&bench, &options);
    fill_output(&bench);
    socket_reset(bench.peer);
    bench.peer = -1;
    pause_ms(450);
    int64_t before_us = cpu_time_us();
    pause_ms(SPIN_MS);
    cr_assert_lt(cpu_time_us() - before_us, SPIN_MOST_US, "away");
    before_us = cpu_time_us();
    (void)relay_wait(bench.relay, 0, NULL, 0, clock_deadline_ms(SPIN_MS));
    cr_assert_lt(cpu_time_us() - before_us, SPIN_MOST_US, "in a wait");
    relay_bench_free(&bench);
}

/* ---- Aborts and the control pipe -------------------------------------------------------- */

static void *abort_soon(void *arg)
{
    pause_ms(50);
    relay_abort(arg);
    return NULL;
}

/* An idle wait without a control pipe hears an abort by its socket, which is not polled when the
 * ring is full. */
Test(conn_attack, an_abort_is_heard_after_release_with_a_full_ring)
{
    struct relay_bench bench;
    pthread_t thread;
    static const char block[64];
    struct relay_options options = {.inbound_size = 16, .write_timeout_ms = LONG_MS};
    bench_init(&bench, &options);
    relay_enter(bench.relay);
    cr_assert_eq(send(bench.peer, block, sizeof(block), MSG_NOSIGNAL), (ssize_t)sizeof(block));
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    while (relay_status(bench.relay).received < 16 && clock_now_us() < deadline_us)
        (void)relay_wait(bench.relay, 0, NULL, 0, clock_deadline_ms(5));
    relay_release(bench.relay);
    struct pollfd extra = {.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN};
    cr_assert_eq(pthread_create(&thread, NULL, abort_soon, bench.relay), 0);
    cr_assert_eq(relay_wait(bench.relay, 0, &extra, 1, clock_deadline_ms(2000)), WAIT_CANCELLED);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    close(extra.fd);
    relay_leave(bench.relay);
    relay_bench_free(&bench);
}

/* Stands before the C library's: an abort at the moment in which the control pipe is made anew. */
static struct relay *abort_in_eventfd;

int eventfd(unsigned count, int flags)
{
    struct relay *relay = abort_in_eventfd;
    abort_in_eventfd = NULL;
    if (relay)
        relay_abort(relay);
    return (int)syscall(SYS_eventfd2, count, flags);
}

Test(conn_attack, an_abort_while_the_control_pipe_is_made_is_not_lost)
{
    struct relay_bench bench;
    struct relay_options options = {.write_timeout_ms = LONG_MS};
    bench_init(&bench, &options);
    relay_enter(bench.relay);
    /* On a slow machine the relay thread may drive the I/O loop by now. With what it delivers it
     * hands the loop over. */
    cr_assert_eq(send(bench.peer, "x", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(LONG_MS)),
                 WAIT_READY);
    (void)relay_wait(bench.relay, 0, NULL, 0, clock_deadline_ms(50));
    relay_release(bench.relay);
    (void)relay_wait(bench.relay, 0, NULL, 0, clock_deadline_ms(5));
    abort_in_eventfd = bench.relay;
    cr_assert_eq(relay_wait(bench.relay, 0, NULL, 0, clock_deadline_ms(2000)), WAIT_CANCELLED);
    cr_assert_null(abort_in_eventfd, "no pipe was made");
    relay_leave(bench.relay);
    relay_bench_free(&bench);
}

/* ---- Two waits, one with a descriptor of its own ---------------------------------------- */

struct waiter {
    struct relay_bench *bench;
    atomic_bool done;
};

static void *wait_plainly(void *arg)
{
    struct waiter *waiter = arg;
    (void)relay_wait(waiter->bench->relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(LONG_MS));
    atomic_store(&waiter->done, true);
    return NULL;
}

Test(conn_attack, who_has_descriptors_gets_the_loop_from_another_wait)
{
    struct relay_bench bench;
    struct relay_options options = {.write_timeout_ms = LONG_MS};
    bench_init(&bench, &options);
    struct waiter waiter = {.bench = &bench};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wait_plainly, &waiter), 0);
    pause_ms(50);
    struct pollfd extra = {.fd = eventfd(1, EFD_CLOEXEC), .events = POLLIN};
    cr_assert_eq(relay_wait(bench.relay, 0, &extra, 1, clock_deadline_ms(2000)), WAIT_READY);
    cr_assert(extra.revents & POLLIN);
    cr_assert_not(atomic_load(&waiter.done));
    cr_assert_eq(send(bench.peer, "x", 1, MSG_NOSIGNAL), 1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    close(extra.fd);
    relay_bench_free(&bench);
}

/* ---- Ends ------------------------------------------------------------------------------- */

enum { BLOCKS = 16 };

static void reads_late(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    pause_ms(60);
    if (socket_peer_read_to_end(peer))
        (void)socket_peer_end_in_order(peer);
}

/* Blocking code wrote as much as it could, and more than a ring takes is spilt: close_notify waits
 * for room. */
Test(conn_attack, closing_behind_blocking_writes_waits_for_room)
{
    static char block[16384];
    struct conn_world world;
    conn_world_init(&world);
    for (size_t i = 0; i < 2; i++)
        for (int blocks = 1; blocks <= BLOCKS; blocks++) {
            struct conn_rig rig;
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_CLIENT, 1, conn_transports[i]);
            options.unix_sockets = true;
            options.ring = 1024;
            conn_rig_init(&rig, &world, &options, reads_late, NULL);
            cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
            SSL *ssl = actpass_ssl(rig.conn);
            for (int j = 0; j < 10 + blocks; j++)
                cr_assert_eq(SSL_write(ssl, block, sizeof(block)), (int)sizeof(block));
            actpass_end end = loop_close(&rig);
            cr_assert_eq(end, ACTPASS_CLEAN, "transport %zu, %d blocks: %s", i, blocks,
                         conn_rig_says(&rig));
            conn_rig_free(&rig);
        }
    conn_world_free(&world);
}

static void shakes_hands_then_fin(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (socket_peer_handshake(peer))
        socket_peer_fin(peer);
    (void)socket_peer_to_eof(peer);
}

/* Old code often sets both flags so as not to wait. What was not on the wire does not count. */
Test(conn_attack, a_close_notify_that_ssl_only_pretends_is_not_clean)
{
    struct conn_world world;
    conn_world_init(&world);
    for (int quiet = 0; quiet < 2; quiet++)
        for (int version = 0; version < 2; version++) {
            struct conn_rig rig;
            struct conn_rig_options options =
                conn_defaults(ACTPASS_ROLE_SERVER, version, ACTPASS_TRANSPORT_RELAY);
            conn_rig_init(&rig, &world, &options, shakes_hands_then_fin, NULL);
            cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
            SSL *ssl = actpass_ssl(rig.conn);
            if (quiet) {
                SSL_set_quiet_shutdown(ssl, 1);
                (void)SSL_shutdown(ssl);
            } else {
                SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            }
            actpass_end end = loop_close(&rig);
            cr_assert_eq(end, ACTPASS_TRUNCATED, "quiet %d, version %d: %s: %s", quiet, version,
                         actpass_end_name(end), conn_rig_says(&rig));
            conn_rig_free(&rig);
        }
    conn_world_free(&world);
}

static void floods(struct socket_peer *peer, void *arg)
{
    static const char block[16384];
    atomic_bool *stop = arg;
    if (socket_peer_handshake(peer))
        while (!atomic_load(stop) && socket_peer_write(peer, block, sizeof(block)))
            ;
    (void)socket_peer_to_eof(peer);
}

/* A peer that never stops: its data is read and thrown away for the close timeout, not longer. */
Test(conn_attack, a_close_is_bounded_however_much_comes)
{
    struct conn_world world;
    conn_world_init(&world);
    for (size_t i = 0; i < 2; i++) {
        struct conn_rig rig;
        atomic_bool stop = false;
        struct conn_rig_options options = conn_defaults(ACTPASS_ROLE_SERVER, 1, conn_transports[i]);
        options.close_ms = 200;
        conn_rig_init(&rig, &world, &options, floods, &stop);
        cr_assert_eq(loop_handshake(&rig), 0, "%s", conn_rig_says(&rig));
        int64_t before_us = clock_now_us();
        actpass_end end = loop_close(&rig);
        int64_t took_us = clock_now_us() - before_us;
        atomic_store(&stop, true);
        cr_assert_eq(end, ACTPASS_TIMEOUT, "%s", conn_rig_says(&rig));
        cr_assert_str_eq(actpass_error(rig.conn), "the peer did not end the connection in time");
        cr_assert_lt(took_us, 3000000);
        conn_rig_free(&rig);
    }
    conn_world_free(&world);
}
