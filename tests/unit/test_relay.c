/* The relay's waits, deadlines, wake-ups and its end, with plain bytes instead of TLS. */
#include "relay/clock.h"
#include "relay/relay.h"
#include "tests/support/drivers.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 10000, SPIN_MS = 300, SPIN_MOST_US = 60000 };

/* A way to run a relay. */
struct way {
    const char *name;
    enum relay_transport transport;
    enum relay_driver driver;
};
static const struct way ways[] = {{"pair, auto", RELAY_PAIR, DRIVER_AUTO},
                                  {"pair, relay", RELAY_PAIR, DRIVER_RELAY},
                                  {"pair, conversation", RELAY_PAIR, DRIVER_CONVERSATION},
                                  {"pair, random", RELAY_PAIR, DRIVER_RANDOM},
                                  {"direct", RELAY_DIRECT, DRIVER_AUTO}};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

struct bench {
    struct threads *threads;
    struct relay *relay;
    BIO *bio;
    int peer;
};

static struct relay_options options_of(const struct way *way)
{
    return (struct relay_options){.transport = way->transport,
                                  .hooks = driver_hooks(way->driver, 0),
                                  .role = ROLE_SERVER,
                                  .write_timeout_ms = LONG_MS};
}

static void bench_start_on(struct bench *bench, const struct relay_options *options,
                           void (*make_sockets)(int fds[2]))
{
    int fds[2];
    make_sockets(fds);
    bench->threads = threads_new(131072, 4, 50);
    struct relay_options own = *options;
    own.threads = bench->threads;
    bench->relay = relay_new(fds[0], &own);
    bench->peer = fds[1];
    cr_assert(bench->threads && bench->relay);
    cr_assert_eq(relay_start(bench->relay), 0);
    bench->bio = relay_bio(bench->relay);
    cr_assert_not_null(bench->bio);
}

static void bench_start(struct bench *bench, const struct relay_options *options)
{
    bench_start_on(bench, options, sockets_tcp);
}

static void bench_init(struct bench *bench, const struct way *way)
{
    struct relay_options options = options_of(way);
    bench_start(bench, &options);
}

static void bench_free(struct bench *bench)
{
    relay_close(bench->relay);
    BIO_free(bench->bio);
    relay_free(bench->relay);
    threads_free(bench->threads);
    if (bench->peer >= 0)
        close(bench->peer);
}

static void peer_sends(struct bench *bench, const void *bytes, size_t size)
{
    cr_assert_eq(send(bench->peer, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void peer_resets(struct bench *bench)
{
    socket_reset(bench->peer);
    bench->peer = -1;
}

static enum relay_wait wait_ms(struct bench *bench, unsigned want, int64_t ms)
{
    return relay_wait(bench->relay, want, NULL, 0, clock_deadline_ms(ms));
}

/* Calls until the relay has taken in SIZE bytes from the socket. */
static bool receives(struct bench *bench, uint64_t size)
{
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    while (relay_status(bench->relay).received < size && clock_now_us() < deadline_us)
        (void)wait_ms(bench, 0, 5);
    return relay_status(bench->relay).received >= size;
}

/* Writes until nothing moves any more, with the peer not reading. */
static void fill_output(struct bench *bench)
{
    static const char block[4096];
    int64_t deadline_us = clock_deadline_ms(LONG_MS);
    do {
        while (BIO_write(bench->bio, block, sizeof(block)) > 0)
            cr_assert_lt(clock_now_us(), deadline_us, "it accepts without end");
        relay_flush(bench->relay);
    } while (BIO_should_write(bench->bio) && wait_ms(bench, RELAY_WRITABLE, 40) == WAIT_READY);
}

/* ---- Waits -------------------------------------------------------------------------------------
 */

Test(relay, a_wait_ends_with_what_it_waits_for, .timeout = 30)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        cr_assert_eq(wait_ms(&bench, RELAY_WRITABLE, LONG_MS), WAIT_READY, "%s", ways[i].name);
        cr_assert_not(relay_is(bench.relay, RELAY_READABLE), "%s", ways[i].name);
        peer_sends(&bench, "x", 1);
        cr_assert_eq(wait_ms(&bench, RELAY_READABLE, LONG_MS), WAIT_READY, "%s", ways[i].name);
        cr_assert(relay_is(bench.relay, RELAY_READABLE), "%s", ways[i].name);
        bench_free(&bench);
    }
}

Test(relay, a_wait_ends_at_its_deadline, .timeout = 30)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        int64_t before_us = clock_now_us();
        cr_assert_eq(wait_ms(&bench, RELAY_READABLE, 30), WAIT_TIMEOUT, "%s", ways[i].name);
        cr_assert_geq(clock_now_us() - before_us, 30000, "%s: too early", ways[i].name);
        cr_assert_eq(wait_ms(&bench, RELAY_READABLE, 0), WAIT_TIMEOUT, "%s: no time at all",
                     ways[i].name);
        bench_free(&bench);
    }
}

Test(relay, at_a_deadline_that_has_passed_what_is_there_counts, .timeout = 30)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        peer_sends(&bench, "x", 1);
        cr_assert_eq(wait_ms(&bench, RELAY_READABLE, LONG_MS), WAIT_READY);
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, 0), WAIT_READY, "%s",
                     ways[i].name);
        bench_free(&bench);
    }
}

static void *abort_soon(void *arg)
{
    struct bench *bench = arg;
    pause_ms(20);
    relay_abort(bench->relay);
    return NULL;
}

/* Whatever is waited for, and however: with other descriptors, for output that does not move. */
Test(relay, an_abort_wakes_every_wait, .timeout = 60)
{
    static const unsigned wants[] = {RELAY_READABLE, RELAY_WRITABLE, RELAY_ENDED, 0};
    for (int i = 0; i < WAYS; i++)
        for (size_t k = 0; k < 4; k++)
            for (nfds_t extras = 0; extras < 2; extras++) {
                struct bench bench;
                pthread_t thread;
                bench_init(&bench, &ways[i]);
                if (wants[k] == RELAY_WRITABLE)
                    fill_output(&bench);
                struct pollfd extra = {.fd = eventfd(0, 0), .events = POLLIN};
                cr_assert_eq(pthread_create(&thread, NULL, abort_soon, &bench), 0);
                enum relay_wait wait =
                    relay_wait(bench.relay, wants[k], &extra, extras, DEADLINE_NEVER);
                cr_assert_eq(wait, WAIT_CANCELLED, "%s, want %u: %d", ways[i].name, wants[k], wait);
                cr_assert_eq(pthread_join(thread, NULL), 0);
                cr_assert_eq(wait_ms(&bench, wants[k], 0), WAIT_CANCELLED, "it stays");
                close(extra.fd);
                bench_free(&bench);
            }
}

static void *write_event(void *arg)
{
    const int *fd = arg;
    pause_ms(20);
    return eventfd_write(*fd, 1) ? arg : NULL;
}

Test(relay, a_wait_ends_with_another_descriptor, .timeout = 30)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        pthread_t thread;
        bench_init(&bench, &ways[i]);
        int event = eventfd(0, 0);
        struct pollfd extra[] = {{.fd = -1, .events = POLLIN}, {.fd = event, .events = POLLIN}};
        cr_assert_eq(pthread_create(&thread, NULL, write_event, &event), 0);
        cr_assert_eq(relay_wait(bench.relay, 0, extra, 2, clock_deadline_ms(LONG_MS)), WAIT_READY,
                     "%s", ways[i].name);
        cr_assert_eq(extra[1].revents, POLLIN, "%s", ways[i].name);
        cr_assert_eq(extra[0].revents, 0, "%s", ways[i].name);
        void *failed;
        cr_assert_eq(pthread_join(thread, &failed), 0);
        cr_assert_null(failed);
        peer_sends(&bench, "x", 1);
        close(event);
        extra[1].fd = -1;
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, extra, 2, clock_deadline_ms(LONG_MS)),
                     WAIT_READY, "%s: and with the socket", ways[i].name);
        bench_free(&bench);
    }
}

struct waiter {
    struct bench *bench;
    unsigned want;
    int64_t ms;
    enum relay_wait result;
};

static void *wait_in_thread(void *arg)
{
    struct waiter *waiter = arg;
    waiter->result = wait_ms(waiter->bench, waiter->want, waiter->ms);
    return NULL;
}

/* One waits to write while the peer does not read, the other to read; each gets its own, in either
 * order. */
Test(relay, two_threads_wait_at_once, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        pthread_t reader, writer;
        bench_init(&bench, &ways[i]);
        fill_output(&bench);
        struct waiter reading = {.bench = &bench, .want = RELAY_READABLE, .ms = LONG_MS};
        struct waiter writing = {.bench = &bench, .want = RELAY_WRITABLE, .ms = LONG_MS};
        cr_assert_eq(pthread_create(&writer, NULL, wait_in_thread, &writing), 0);
        cr_assert_eq(pthread_create(&reader, NULL, wait_in_thread, &reading), 0);
        pause_ms(10);
        peer_sends(&bench, "x", 1);
        cr_assert_eq(pthread_join(reader, NULL), 0);
        cr_assert_eq(reading.result, WAIT_READY, "%s: reader", ways[i].name);
        cr_assert_not(relay_is(bench.relay, RELAY_WRITABLE), "%s", ways[i].name);
        char sink[65536];
        while (!relay_is(bench.relay, RELAY_WRITABLE))
            (void)recv(bench.peer, sink, sizeof(sink), MSG_DONTWAIT);
        cr_assert_eq(pthread_join(writer, NULL), 0);
        cr_assert_eq(writing.result, WAIT_READY, "%s: writer", ways[i].name);
        bench_free(&bench);
    }
}

/* The one with the pump gives up; the other has to take it, or nobody would see the peer read. */
Test(relay, a_thread_that_leaves_hands_the_pump_on, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        pthread_t reader, writer;
        bench_init(&bench, &ways[i]);
        fill_output(&bench);
        struct waiter writing = {.bench = &bench, .want = RELAY_WRITABLE, .ms = LONG_MS};
        struct waiter reading = {.bench = &bench, .want = RELAY_READABLE, .ms = 60};
        cr_assert_eq(pthread_create(&reader, NULL, wait_in_thread, &reading), 0);
        pause_ms(20); /* so that it has the pump */
        cr_assert_eq(pthread_create(&writer, NULL, wait_in_thread, &writing), 0);
        cr_assert_eq(pthread_join(reader, NULL), 0);
        cr_assert_eq(reading.result, WAIT_TIMEOUT, "%s", ways[i].name);
        static char sink[1 << 20];
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (!relay_is(bench.relay, RELAY_WRITABLE) && clock_now_us() < deadline_us)
            (void)recv(bench.peer, sink, sizeof(sink), MSG_DONTWAIT);
        cr_assert_eq(pthread_join(writer, NULL), 0);
        cr_assert_eq(writing.result, WAIT_READY, "%s", ways[i].name);
        bench_free(&bench);
    }
}

/* ---- Time limits on output
 * -------------------------------------------------------------------------- */

Test(relay, output_that_makes_no_progress_times_out, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        struct relay_options options = options_of(&ways[i]);
        options.write_timeout_ms = 60;
        bench_start(&bench, &options);
        fill_output(&bench);
        cr_assert_eq(wait_ms(&bench, RELAY_WRITABLE, LONG_MS), WAIT_READY, "%s", ways[i].name);
        struct relay_status status = relay_status(bench.relay);
        cr_assert(status.timed_out, "%s", ways[i].name);
        cr_assert_eq(status.error, ETIMEDOUT, "%s", ways[i].name);
        bench_free(&bench);
    }
}

/* A peer that takes a little now and then is slow, not dead: also while that is too little for the
 * socket to take on. */
Test(relay, output_that_makes_slow_progress_goes_on, .timeout = 60)
{
    static const size_t amounts[] = {65536, 5000};
    for (int i = 0; i < WAYS; i++)
        for (size_t a = 0; a < 2; a++) {
            struct bench bench;
            static char sink[65536];
            struct relay_options options = options_of(&ways[i]);
            options.write_timeout_ms = 200;
            options.outbound_size = 4096;
            bench_start_on(&bench, &options, sockets_unix);
            fill_output(&bench);
            for (int round = 0; round < 15; round++) {
                (void)wait_ms(&bench, 0, 30);
                (void)recv(bench.peer, sink, amounts[a], MSG_DONTWAIT);
                (void)BIO_write(bench.bio, sink, 4096);
            }
            cr_assert_not(relay_status(bench.relay).timed_out, "%s, %zu", ways[i].name, amounts[a]);
            bench_free(&bench);
        }
}

/* ---- No spinning (hazard 9)
 * ------------------------------------------------------------------------- */

/* With the relay thread alone, and with the conversation in a wait for something that does not
 * come. */
static void assert_quiet(struct bench *bench, const char *name, const char *state)
{
    int64_t before_us = cpu_time_us();
    pause_ms(SPIN_MS);
    int64_t away_us = cpu_time_us() - before_us;
    cr_assert_lt(away_us, SPIN_MOST_US, "%s: %s: %lld us with the conversation away", name, state,
                 (long long)away_us);
    struct pollfd extra = {.fd = eventfd(0, 0), .events = POLLIN};
    before_us = cpu_time_us();
    (void)relay_wait(bench->relay, 0, &extra, 1, clock_deadline_ms(SPIN_MS / 2));
    (void)relay_wait(bench->relay, 0, NULL, 0, clock_deadline_ms(SPIN_MS / 2));
    int64_t waiting_us = cpu_time_us() - before_us;
    close(extra.fd);
    cr_assert_lt(waiting_us, SPIN_MOST_US, "%s: %s: %lld us in a wait", name, state,
                 (long long)waiting_us);
}

static void hazard_9(const struct way *way)
{
    static const char block[64];
    struct bench bench;
    struct relay_options options = options_of(way);
    options.inbound_size = 16;
    bench_start(&bench, &options);
    peer_sends(&bench, block, sizeof(block));
    if (way->transport == RELAY_PAIR)
        cr_assert(receives(&bench, 16), "%s", way->name);
    assert_quiet(&bench, way->name, "ring full");
    cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
    assert_quiet(&bench, way->name, "ring full, then FIN");
    peer_resets(&bench);
    assert_quiet(&bench, way->name, "ring full, FIN, then RST");
    bench_free(&bench);
}

Test(relay, hazard_9_no_spinning_auto, .timeout = 30)
{
    hazard_9(&ways[0]);
}

Test(relay, hazard_9_no_spinning_relay, .timeout = 30)
{
    hazard_9(&ways[1]);
}

Test(relay, hazard_9_no_spinning_conversation, .timeout = 30)
{
    hazard_9(&ways[2]);
}

Test(relay, hazard_9_no_spinning_random, .timeout = 30)
{
    hazard_9(&ways[3]);
}

Test(relay, hazard_9_no_spinning_direct, .timeout = 30)
{
    hazard_9(&ways[4]);
}

/* The same with output that nobody takes. */
Test(relay, hazard_9_no_spinning_with_output_left, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        fill_output(&bench);
        assert_quiet(&bench, ways[i].name, "output left");
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        assert_quiet(&bench, ways[i].name, "output left, FIN");
        peer_resets(&bench);
        assert_quiet(&bench, ways[i].name, "output left, FIN, RST");
        bench_free(&bench);
    }
}

/* Twenty connections in a wait, and nothing happens: nobody wakes. */
static void *wait_for_peer(void *arg)
{
    struct bench *bench = arg;
    (void)wait_ms(bench, RELAY_READABLE, LONG_MS);
    return NULL;
}

static uint64_t switches_in_a_second(void)
{
    uint64_t before = context_switches();
    pause_ms(1000);
    return context_switches() - before;
}

Test(relay, idle_connections_wake_nobody, .timeout = 60)
{
    enum { IDLE = 20 };
    static const int way_numbers[] = {0, 1, 4};
    uint64_t nothing = switches_in_a_second(); /* a sanitizer's own */
    for (size_t w = 0; w < 3; w++) {
        struct bench bench[IDLE];
        pthread_t threads[IDLE];
        for (int i = 0; i < IDLE; i++) {
            bench_init(&bench[i], &ways[way_numbers[w]]);
            cr_assert_eq(pthread_create(&threads[i], NULL, wait_for_peer, &bench[i]), 0);
        }
        pause_ms(1000); /* until the relay threads have found that they are not needed, and ended */
        uint64_t switches = switches_in_a_second();
        for (int i = 0; i < IDLE; i++)
            peer_sends(&bench[i], "x", 1);
        for (int i = 0; i < IDLE; i++)
            cr_assert_eq(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < IDLE; i++)
            bench_free(&bench[i]);
        cr_assert_leq(switches, nothing + 10, "%s: %llu, without them %llu",
                      ways[way_numbers[w]].name, (unsigned long long)switches,
                      (unsigned long long)nothing);
    }
}

/* ---- The conversation is away
 * ------------------------------------------------------------------------ */

static const int with_thread[] = {0, 1, 3}; /* the ways in which the relay thread may drive */

Test(relay, away_the_relay_receives, .timeout = 30)
{
    static const char block[5000];
    for (int i = 0; i < 3; i++) {
        struct bench bench;
        const struct way *way = &ways[with_thread[i]];
        bench_init(&bench, way);
        (void)wait_ms(&bench, RELAY_READABLE, 30); /* in a call for long: the thread may be gone */
        peer_sends(&bench, block, sizeof(block));
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (relay_status(bench.relay).received < sizeof(block) && clock_now_us() < deadline_us)
            pause_ms(1);
        cr_assert_eq(relay_status(bench.relay).received, sizeof(block), "%s", way->name);
        bench_free(&bench);
    }
}

Test(relay, away_the_relay_sends, .timeout = 30)
{
    for (int i = 0; i < 3; i++) {
        struct bench bench;
        const struct way *way = &ways[with_thread[i]];
        bench_init(&bench, way);
        (void)wait_ms(&bench, RELAY_READABLE, 30);
        fill_output(&bench);
        relay_flush(bench.relay);
        uint64_t all = 0;
        char sink[65536];
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (!relay_is(bench.relay, RELAY_WRITABLE) && clock_now_us() < deadline_us) {
            ssize_t got = recv(bench.peer, sink, sizeof(sink), MSG_DONTWAIT);
            all += got > 0 ? (uint64_t)got : 0;
            pause_ms(1);
        }
        cr_assert(relay_is(bench.relay, RELAY_WRITABLE), "%s: %llu bytes came", way->name,
                  (unsigned long long)all);
        bench_free(&bench);
    }
}

Test(relay, away_the_relay_notices_a_reset, .timeout = 30)
{
    for (int i = 0; i < 3; i++) {
        struct bench bench;
        const struct way *way = &ways[with_thread[i]];
        bench_init(&bench, way);
        (void)wait_ms(&bench, RELAY_READABLE, 30);
        peer_resets(&bench);
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (!relay_status(bench.relay).error && clock_now_us() < deadline_us)
            pause_ms(1);
        cr_assert_eq(relay_status(bench.relay).error, ECONNRESET, "%s", way->name);
        bench_free(&bench);
    }
}

/* ---- The end
 * ------------------------------------------------------------------------------------------ */

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
    struct bench *bench = arg;
    return read_to_eof(bench->peer) == 300000 ? NULL : arg;
}

/* Hazard 7: all output, then FIN, also when the rings are far smaller than the output. */
Test(relay, hazard_7_all_output_is_sent_before_the_end, .timeout = 60)
{
    static uint8_t data[300000];
    static const size_t rings[] = {17, 4096, 0};
    pattern_fill(data, sizeof(data), 0, 1);
    for (int i = 0; i < WAYS; i++)
        for (size_t r = 0; r < 3; r++) {
            struct bench bench;
            struct relay_options options = options_of(&ways[i]);
            options.outbound_size = rings[r];
            bench_start(&bench, &options);
            pthread_t thread;
            void *wrong;
            cr_assert_eq(pthread_create(&thread, NULL, read_all, &bench), 0);
            relay_set_blocking(bench.relay, true, LONG_MS);
            for (size_t at = 0; at < sizeof(data); at += 10000)
                cr_assert_eq(BIO_write(bench.bio, data + at, 10000), 10000);
            cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(LONG_MS)), WAIT_READY,
                         "%s", ways[i].name);
            relay_close(bench.relay);
            cr_assert_eq(pthread_join(thread, &wrong), 0);
            cr_assert_null(wrong, "%s, ring %zu: not all came", ways[i].name, rings[r]);
            bench_free(&bench);
        }
}

/* Hazard 17: with unread input a close would send RST and destroy what we have sent. */
Test(relay, hazard_17_unread_input_is_discarded_before_the_close, .timeout = 60)
{
    static const char block[40000];
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        peer_sends(&bench, block, 20000);
        cr_assert_eq(BIO_write(bench.bio, block, 20000), 20000);
        cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(LONG_MS)), WAIT_READY);
        peer_sends(&bench, block, 20000);
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        relay_discard(bench.relay, UINT64_MAX, clock_deadline_ms(LONG_MS));
        cr_assert(relay_status(bench.relay).eof, "%s", ways[i].name);
        relay_close(bench.relay);
        cr_assert_eq(read_to_eof(bench.peer), 20000, "%s: our data was destroyed", ways[i].name);
        bench_free(&bench);
    }
}

Test(relay, finishing_and_discarding_end_at_their_deadlines, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        fill_output(&bench);
        cr_assert_eq(relay_finish_output(bench.relay, clock_deadline_ms(30)), WAIT_TIMEOUT, "%s",
                     ways[i].name);
        int64_t before_us = clock_now_us();
        relay_discard(bench.relay, UINT64_MAX, clock_deadline_ms(30));
        cr_assert_geq(clock_now_us() - before_us, 30000, "%s", ways[i].name);
        bench_free(&bench);
    }
}

/* The peer must never take such an end for an orderly one. */
Test(relay, closing_with_output_left_or_after_an_abort_resets, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++)
        for (int abort_it = 0; abort_it < 2; abort_it++) {
            struct bench bench;
            bench_init(&bench, &ways[i]);
            if (abort_it)
                relay_abort(bench.relay);
            else
                fill_output(&bench);
            relay_close(bench.relay);
            cr_assert_eq(read_to_eof(bench.peer), -1, "%s: it ended in order", ways[i].name);
            cr_assert_eq(errno, ECONNRESET, "%s", ways[i].name);
            bench_free(&bench);
        }
}

Test(relay, closing_an_idle_one_sends_fin, .timeout = 60)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &ways[i]);
        relay_close(bench.relay);
        cr_assert_eq(read_to_eof(bench.peer), 0, "%s", ways[i].name);
        relay_close(bench.relay);
        cr_assert_eq(relay_status(bench.relay).state, RELAY_DONE, "%s", ways[i].name);
        bench_free(&bench);
    }
}

Test(relay, free_takes_null, .timeout = 5)
{
    relay_free(NULL);
}

/* Made, perhaps started, and let go at once: nothing stays. */
Test(relay, nothing_is_left_behind, .timeout = 60)
{
    struct resources before = resources_now();
    for (int round = 0; round < 300; round++) {
        int fds[2];
        sockets_unix(fds);
        struct relay_options options = options_of(&ways[round % WAYS]);
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
Test(relay, release_loses_no_byte, .timeout = 30)
{
    for (int i = 0; i < WAYS; i++) {
        struct bench bench;
        char got[8];
        bench_init(&bench, &ways[i]);
        relay_release(bench.relay);
        for (int round = 0; round < 50; round++) {
            peer_sends(&bench, "ping", 4);
            cr_assert(
                receives(&bench, ways[i].transport == RELAY_PAIR ? 4U * (unsigned)(round + 1) : 0));
            relay_release(bench.relay);
            cr_assert_eq(wait_ms(&bench, RELAY_READABLE, LONG_MS), WAIT_READY);
            cr_assert_eq(BIO_read(bench.bio, got, 4), 4, "%s", ways[i].name);
            relay_release(bench.relay);
            cr_assert_eq(BIO_write(bench.bio, "pong", 4), 4);
            relay_release(bench.relay);
            relay_flush(bench.relay);
            relay_release(bench.relay);
            (void)wait_ms(&bench, RELAY_READABLE, 0);
            cr_assert_eq(recv(bench.peer, got, 4, MSG_WAITALL), 4);
        }
        bench_free(&bench);
    }
}
