/* The end of a relay, and what it holds meanwhile. Plain bytes instead of TLS. */
#include "relay/clock.h"
#include "tests/support/pattern.h"
#include "tests/support/relay_bench.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = RELAY_BENCH_LONG_MS };

static ssize_t read_to_eof(int fd)
{
    char sink[65536];
    ssize_t got, all = 0;
    while ((got = recv(fd, sink, sizeof(sink), 0)) > 0)
        all += got;
    return got < 0 ? -1 : all;
}

static void *read_all(void *arg)
{
    struct relay_bench *bench = arg;
    return read_to_eof(bench->peer) == 300000 ? NULL : arg;
}

/* Hazard 7: all output, then FIN, also when the rings are far smaller than the output. */
Test(relay_life, hazard_7_all_output_is_sent_before_the_end, .timeout = 60)
{
    static uint8_t data[300000];
    static const size_t rings[] = {17, 4096, 0};
    pattern_fill(data, sizeof(data), 0, 1);
    for (int i = 0; i < RELAY_WAYS; i++)
        for (size_t r = 0; r < 3; r++) {
            struct relay_bench bench;
            struct relay_options options = relay_bench_options(&relay_ways[i]);
            options.outbound_size = rings[r];
            relay_bench_start(&bench, &options);
            pthread_t thread;
            void *wrong;
            cr_assert_eq(pthread_create(&thread, NULL, read_all, &bench), 0);
            relay_set_blocking(bench.relay, LONG_MS);
            for (size_t at = 0; at < sizeof(data); at += 10000)
                cr_assert_eq(BIO_write(bench.bio, data + at, 10000), 10000);
            cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(LONG_MS)), WAIT_READY,
                         "%s", relay_ways[i].name);
            relay_close(bench.relay);
            cr_assert_eq(pthread_join(thread, &wrong), 0);
            cr_assert_null(wrong, "%s, ring %zu: not all came", relay_ways[i].name, rings[r]);
            relay_bench_free(&bench);
        }
}

/* How many segments the kernel has received for a socket (tcp(7), TCP_INFO). */
static unsigned segments_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_in;
}

/* Without a relay thread, so that nothing is sent before the end begins. */
Test(relay_life, the_last_output_and_the_end_are_one_segment)
{
    struct relay_bench bench;
    struct relay_options options = relay_bench_options(&relay_ways[0]);
    options.transport = RELAY_PAIR;
    relay_bench_make(&bench, &options, sockets_tcp);
    relay_serve_by_caller(bench.relay);
    cr_assert_eq(BIO_write(bench.bio, "the last words", 14), 14);
    unsigned before = segments_received(bench.peer);
    cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(LONG_MS)), WAIT_READY);
    cr_assert_eq(read_to_eof(bench.peer), 14);
    cr_assert_eq(segments_received(bench.peer) - before, 1);
    relay_bench_free(&bench);
}

/* Hazard 17: with unread input a close would send RST and destroy what we have sent. */
Test(relay_life, hazard_17_unread_input_is_discarded_before_the_close, .timeout = 60)
{
    static const char block[40000];
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_send(&bench, block, 20000);
        cr_assert_eq(BIO_write(bench.bio, block, 20000), 20000);
        cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(LONG_MS)), WAIT_READY);
        relay_bench_send(&bench, block, 20000);
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        relay_discard(bench.relay, UINT64_MAX, clock_deadline_ms(LONG_MS));
        cr_assert(relay_status(bench.relay).eof, "%s", relay_ways[i].name);
        relay_close(bench.relay);
        cr_assert_eq(read_to_eof(bench.peer), 20000, "%s: our data was destroyed",
                     relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

Test(relay_life, finishing_and_discarding_end_at_their_deadlines, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_fill(&bench);
        cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(30)), WAIT_TIMEOUT, "%s",
                     relay_ways[i].name);
        int64_t before_us = clock_now_us();
        relay_discard(bench.relay, UINT64_MAX, clock_deadline_ms(30));
        cr_assert_geq(clock_now_us() - before_us, 30000, "%s", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

/* The peer must never take such an end for an orderly one. */
Test(relay_life, closing_with_output_left_or_after_an_abort_resets, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++)
        for (int abort_it = 0; abort_it < 2; abort_it++) {
            struct relay_bench bench;
            relay_bench_init(&bench, &relay_ways[i]);
            if (abort_it)
                relay_abort(bench.relay);
            else
                relay_bench_fill(&bench);
            relay_close(bench.relay);
            cr_assert_eq(read_to_eof(bench.peer), -1, "%s: it ended in order", relay_ways[i].name);
            cr_assert_eq(errno, ECONNRESET, "%s", relay_ways[i].name);
            relay_bench_free(&bench);
        }
}

Test(relay_life, closing_an_idle_one_sends_fin, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_close(bench.relay);
        cr_assert_eq(read_to_eof(bench.peer), 0, "%s", relay_ways[i].name);
        relay_close(bench.relay);
        cr_assert_eq(relay_status(bench.relay).state, RELAY_DONE, "%s", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

Test(relay_life, free_takes_null, .timeout = 5)
{
    relay_free(NULL);
}

/* Made, perhaps started, and let go at once: nothing stays. */
Test(relay_life, nothing_is_left_behind, .timeout = 60)
{
    struct resources before = resources_now();
    for (int round = 0; round < 300; round++) {
        int fds[2];
        sockets_unix(fds);
        struct relay_options options = relay_bench_options(&relay_ways[round % RELAY_WAYS]);
        options.threads = threads_new(131072, 2, 1000);
        struct relay *relay = relay_new(fds[0], &options);
        cr_assert_not_null(relay);
        if (round % 3)
            cr_assert_eq(relay_start(relay), 0);
        if (round % 7 == 1)
            pause_ms(1);
        relay_free(relay);
        threads_free(options.threads);
        close(fds[1]);
    }
    cr_assert(resources_return_to(before));
}

/* Memory is given back in a long wait and made again. */
Test(relay_life, release_loses_no_byte, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        char got[8];
        relay_bench_init(&bench, &relay_ways[i]);
        relay_release(bench.relay);
        for (int round = 0; round < 50; round++) {
            relay_bench_send(&bench, "ping", 4);
            cr_assert(relay_bench_receives(
                &bench, relay_ways[i].transport == RELAY_PAIR ? 4U * (unsigned)(round + 1) : 0));
            relay_release(bench.relay);
            cr_assert_eq(relay_bench_wait(&bench, RELAY_READABLE, LONG_MS), WAIT_READY);
            cr_assert_eq(BIO_read(bench.bio, got, 4), 4, "%s", relay_ways[i].name);
            relay_release(bench.relay);
            cr_assert_eq(BIO_write(bench.bio, "pong", 4), 4);
            relay_release(bench.relay);
            relay_flush(bench.relay);
            relay_release(bench.relay);
            (void)relay_bench_wait(&bench, RELAY_READABLE, 0);
            cr_assert_eq(recv(bench.peer, got, 4, MSG_WAITALL), 4);
        }
        relay_bench_free(&bench);
    }
}
