/* The BIO under SSL, and the transport under it, as SSL would call them. */
#include "relay/clock.h"
#include "relay/internal.h"
#include "tests/support/drivers.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct bench {
    struct threads *threads;
    struct relay *relay;
    BIO *bio;
    int peer;
};

static void bench_start(struct bench *bench, enum relay_transport transport, size_t ring,
                        int64_t write_timeout_ms)
{
    int fds[2];
    sockets_tcp(fds);
    socket_small_buffers(fds[0]);
    bench->threads = threads_new(131072, 1, 1000);
    struct relay_options options = {.transport = transport,
                                    .role = ROLE_SERVER,
                                    .write_timeout_ms = write_timeout_ms,
                                    .inbound_size = ring,
                                    .outbound_size = ring,
                                    .threads = bench->threads};
    bench->relay = relay_new(fds[0], &options);
    bench->peer = fds[1];
    cr_assert(bench->threads && bench->relay);
    cr_assert_eq(relay_start(bench->relay), 0);
    bench->bio = relay_bio(bench->relay);
    cr_assert_not_null(bench->bio);
    ERR_clear_error();
}

static void bench_stop(struct bench *bench)
{
    BIO_free(bench->bio);
    relay_free(bench->relay);
    threads_free(bench->threads);
    if (bench->peer >= 0)
        close(bench->peer);
}

static bool wait_until(struct bench *bench, unsigned want)
{
    return relay_wait(bench->relay, want, NULL, 0, clock_deadline_ms(10000)) == WAIT_READY;
}

/* A failed call as hazard 5 wants it: -1, that errno, nothing queued, no retry. */
static void assert_dead(struct bench *bench, int result, int error, const char *what)
{
    int seen = errno;
    cr_assert_eq(result, -1, "%s: %d", what, result);
    cr_assert_eq(seen, error, "%s: %s", what, strerror(seen));
    cr_assert_eq(ERR_peek_error(), 0, "%s: the error queue is not empty", what);
    cr_assert_not(BIO_should_retry(bench->bio), "%s: it asks for a retry", what);
}

Test(bio, without_blocking_it_asks_for_a_retry, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char byte;
        bench_start(&bench, relay_transports[i], 0, 10000);
        cr_assert_eq(BIO_read(bench.bio, &byte, 1), -1);
        cr_assert(BIO_should_read(bench.bio));
        cr_assert_eq(send(bench.peer, "x", 1, 0), 1);
        cr_assert(wait_until(&bench, RELAY_READABLE));
        cr_assert_eq(BIO_read(bench.bio, &byte, 1), 1);
        cr_assert_not(BIO_should_retry(bench.bio), "the flag stayed");
        cr_assert_eq(byte, 'x');
        bench_stop(&bench);
    }
}

Test(bio, with_blocking_it_waits_for_the_bytes, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char byte;
        bench_start(&bench, relay_transports[i], 0, 10000);
        relay_set_blocking(bench.relay, 10000);
        cr_assert_eq(send(bench.peer, "x", 1, 0), 1);
        cr_assert_eq(BIO_read(bench.bio, &byte, 1), 1);
        bench_stop(&bench);
    }
}

Test(bio, a_blocking_read_ends_at_its_timeout, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char byte;
        bench_start(&bench, relay_transports[i], 0, 10000);
        relay_set_blocking(bench.relay, 30);
        int64_t before_us = clock_now_us();
        assert_dead(&bench, BIO_read(bench.bio, &byte, 1), ETIMEDOUT, "read");
        cr_assert_geq(clock_now_us() - before_us, 30000, "too early");
        bench_stop(&bench);
    }
}

Test(bio, what_is_written_arrives_with_the_flush, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char got[6] = "";
        bench_start(&bench, relay_transports[i], 0, 10000);
        cr_assert_eq(BIO_write(bench.bio, "hello", 5), 5);
        relay_flush(bench.relay);
        cr_assert_eq(recv(bench.peer, got, 5, MSG_WAITALL), 5);
        cr_assert_str_eq(got, "hello");
        bench_stop(&bench);
    }
}

/* Hazard 4. */
Test(bio, hazard_4_controls, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_start(&bench, relay_transports[i], 0, 10000);
        cr_assert_eq(BIO_flush(bench.bio), 1);
        cr_assert_eq(BIO_eof(bench.bio), 0);
        cr_assert_eq(BIO_pending(bench.bio), 0);
        cr_assert_eq(BIO_ctrl(bench.bio, 12345, 0, NULL), 0, "an unknown control");
        cr_assert_eq(send(bench.peer, "xyz", 3, 0), 3);
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        cr_assert(wait_until(&bench, RELAY_READABLE));
        if (relay_transports[i] == RELAY_PAIR)
            cr_assert_eq(BIO_pending(bench.bio), 3);
        char got[4];
        cr_assert_eq(BIO_read(bench.bio, got, 3), 3);
        if (relay_transports[i] == RELAY_PAIR)
            cr_assert(wait_until(&bench, RELAY_ENDED));
        cr_assert_eq(BIO_read(bench.bio, got, 3), 0, "end of stream");
        cr_assert_not(BIO_should_retry(bench.bio));
        cr_assert_eq(BIO_eof(bench.bio), 1);
        bench_stop(&bench);
    }
}

/* Hazard 5: after a reset both calls fail with the transport's errno and an empty queue. */
Test(bio, hazard_5_a_reset_is_an_errno_and_an_empty_queue, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char got[4];
        bench_start(&bench, relay_transports[i], 0, 10000);
        socket_reset(bench.peer);
        bench.peer = -1;
        cr_assert(wait_until(&bench, RELAY_READABLE));
        assert_dead(&bench, BIO_read(bench.bio, got, 3), ECONNRESET, "read");
        int put = BIO_write(bench.bio, "x", 1); /* may be taken: then the send fails */
        relay_flush(bench.relay);
        if (put < 0)
            cr_assert_eq(ERR_peek_error(), 0);
        cr_assert(wait_until(&bench, RELAY_FLUSHED | RELAY_ENDED));
        assert_dead(&bench, BIO_write(bench.bio, "x", 1), ECONNRESET, "write");
        bench_stop(&bench);
    }
}

/* Hazard 18: the send finds the reset, and the 0 that recv answers next is no end of stream. */
Test(bio, hazard_18_after_a_failed_send_an_end_of_stream_is_a_reset, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char got[4];
        bench_start(&bench, relay_transports[i], 0, 10000);
        socket_reset(bench.peer);
        bench.peer = -1;
        for (int tries = 0; tries < 1000 && !relay_status(bench.relay).error; tries++) {
            (void)BIO_write(bench.bio, "x", 1);
            relay_flush(bench.relay);
        }
        cr_assert_neq(relay_status(bench.relay).error, 0, "no send failed");
        (void)wait_until(&bench, RELAY_ENDED);
        cr_assert_eq(BIO_read(bench.bio, got, 3), -1, "it passes for an orderly end");
        cr_assert_not(relay_status(bench.relay).eof);
        bench_stop(&bench);
    }
}

/* Hazard 18, the other half: what came before the failure is still read. */
Test(bio, hazard_18_what_came_before_the_reset_is_read, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        char got[6] = "";
        bench_start(&bench, relay_transports[i], 0, 10000);
        cr_assert_eq(send(bench.peer, "alert", 5, 0), 5);
        cr_assert(wait_until(&bench, RELAY_READABLE));
        socket_reset(bench.peer);
        bench.peer = -1;
        for (int tries = 0; tries < 1000 && !relay_status(bench.relay).error; tries++) {
            (void)BIO_write(bench.bio, "x", 1);
            relay_flush(bench.relay);
        }
        cr_assert_eq(BIO_read(bench.bio, got, 5), 5);
        cr_assert_str_eq(got, "alert");
        bench_stop(&bench);
    }
}

Test(bio, an_abort_fails_both_calls, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++)
        for (int blocking = 0; blocking < 2; blocking++) {
            struct bench bench;
            char got[4];
            bench_start(&bench, relay_transports[i], 0, 10000);
            if (blocking)
                relay_set_blocking(bench.relay, 10000);
            relay_abort(bench.relay);
            assert_dead(&bench, BIO_read(bench.bio, got, 3), ECANCELED, "read");
            assert_dead(&bench, BIO_write(bench.bio, "x", 1), ECANCELED, "write");
            bench_stop(&bench);
        }
}

/* The peer takes nothing: a bounded amount is accepted, then it is a retry, or a timeout when it
 * blocks. */
static uint64_t write_until_refused(struct bench *bench)
{
    static const char block[4096];
    uint64_t taken = 0;
    while (taken < 100000000 && BIO_write(bench->bio, block, sizeof(block)) == sizeof(block))
        taken += sizeof(block);
    return taken;
}

Test(bio, what_it_accepts_is_bounded, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_start(&bench, relay_transports[i], 8192, 10000);
        uint64_t taken = write_until_refused(&bench);
        cr_assert(BIO_should_write(bench.bio), "no retry after %llu", (unsigned long long)taken);
        cr_assert_lt(spill_size(&bench.relay->output.spill), RELAY_SPILL_MAX + 4096);
        relay_abort(bench.relay);
        bench_stop(&bench);
    }
}

Test(bio, a_blocking_write_ends_at_the_write_timeout, .timeout = 20)
{
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_start(&bench, relay_transports[i], 8192, 50);
        relay_set_blocking(bench.relay, -1);
        (void)write_until_refused(&bench);
        assert_dead(&bench, BIO_write(bench.bio, "x", 1), ETIMEDOUT, "write");
        cr_assert(relay_status(bench.relay).timed_out);
        bench_stop(&bench);
    }
}

/* SSL's own first bytes, and an old SSL object's, go nowhere. */
Test(bio, only_the_last_bio_made_is_alive, .timeout = 20)
{
    struct bench bench;
    char byte;
    bench_start(&bench, RELAY_PAIR, 0, 10000);
    BIO *newer = relay_bio(bench.relay);
    cr_assert_eq(BIO_write(bench.bio, "old", 3), -1);
    cr_assert(BIO_should_retry(bench.bio));
    cr_assert_eq(BIO_read(bench.bio, &byte, 1), -1);
    cr_assert_eq(BIO_write(newer, "new", 3), 3);
    BIO_free(newer);
    bench_stop(&bench);
}

Test(bio, sizes_of_nothing, .timeout = 20)
{
    struct bench bench;
    char byte = 0;
    bench_start(&bench, RELAY_PAIR, 0, 10000);
    cr_assert_leq(BIO_read(bench.bio, &byte, 0), 0);
    cr_assert_leq(BIO_write(bench.bio, &byte, 0), 0);
    cr_assert_eq(relay_status(bench.relay).sent, 0);
    bench_stop(&bench);
}
