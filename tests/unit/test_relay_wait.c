/* The conversation's waits: what they wait for, deadlines, aborts, several threads. Plain bytes
 * instead of TLS. */
#include "relay/clock.h"
#include "tests/support/relay_bench.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = RELAY_BENCH_LONG_MS };

Test(relay_wait, a_wait_ends_with_what_it_waits_for, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        cr_assert_eq(relay_bench_wait(&bench, RELAY_WRITABLE, LONG_MS), WAIT_READY, "%s",
                     relay_ways[i].name);
        cr_assert_not(relay_is(bench.relay, RELAY_READABLE), "%s", relay_ways[i].name);
        relay_bench_send(&bench, "x", 1);
        cr_assert_eq(relay_bench_wait(&bench, RELAY_READABLE, LONG_MS), WAIT_READY, "%s",
                     relay_ways[i].name);
        cr_assert(relay_is(bench.relay, RELAY_READABLE), "%s", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

Test(relay_wait, a_wait_ends_at_its_deadline, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        int64_t before_us = clock_now_us();
        cr_assert_eq(relay_bench_wait(&bench, RELAY_READABLE, 30), WAIT_TIMEOUT, "%s",
                     relay_ways[i].name);
        cr_assert_geq(clock_now_us() - before_us, 30000, "%s: too early", relay_ways[i].name);
        cr_assert_eq(relay_bench_wait(&bench, RELAY_READABLE, 0), WAIT_TIMEOUT,
                     "%s: no time at all", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

Test(relay_wait, at_a_deadline_that_has_passed_what_is_there_counts, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_send(&bench, "x", 1);
        cr_assert_eq(relay_bench_wait(&bench, RELAY_READABLE, LONG_MS), WAIT_READY);
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, 0), WAIT_READY, "%s",
                     relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

static void *abort_soon(void *arg)
{
    struct relay_bench *bench = arg;
    pause_ms(20);
    relay_abort(bench->relay);
    return NULL;
}

/* Whatever is waited for, and however: with other descriptors, for output that does not move. */
Test(relay_wait, an_abort_wakes_every_wait, .timeout = 60)
{
    static const unsigned wants[] = {RELAY_READABLE, RELAY_WRITABLE, RELAY_ENDED, 0};
    for (int i = 0; i < RELAY_WAYS; i++)
        for (size_t k = 0; k < 4; k++)
            for (nfds_t extras = 0; extras < 2; extras++) {
                struct relay_bench bench;
                pthread_t thread;
                relay_bench_init(&bench, &relay_ways[i]);
                if (wants[k] == RELAY_WRITABLE)
                    relay_bench_fill(&bench);
                struct pollfd extra = {.fd = eventfd(0, 0), .events = POLLIN};
                cr_assert_eq(pthread_create(&thread, NULL, abort_soon, &bench), 0);
                enum relay_wait wait =
                    relay_wait(bench.relay, wants[k], &extra, extras, DEADLINE_NEVER);
                cr_assert_eq(wait, WAIT_CANCELLED, "%s, want %u: %d", relay_ways[i].name, wants[k],
                             wait);
                cr_assert_eq(pthread_join(thread, NULL), 0);
                cr_assert_eq(relay_bench_wait(&bench, wants[k], 0), WAIT_CANCELLED, "it stays");
                close(extra.fd);
                relay_bench_free(&bench);
            }
}

static void *write_event(void *arg)
{
    const int *fd = arg;
    pause_ms(20);
    return eventfd_write(*fd, 1) ? arg : NULL;
}

Test(relay_wait, a_wait_ends_with_another_descriptor, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        pthread_t thread;
        relay_bench_init(&bench, &relay_ways[i]);
        int event = eventfd(0, 0);
        struct pollfd extra[] = {{.fd = -1, .events = POLLIN}, {.fd = event, .events = POLLIN}};
        cr_assert_eq(pthread_create(&thread, NULL, write_event, &event), 0);
        cr_assert_eq(relay_wait(bench.relay, 0, extra, 2, clock_deadline_ms(LONG_MS)), WAIT_READY,
                     "%s", relay_ways[i].name);
        cr_assert_eq(extra[1].revents, POLLIN, "%s", relay_ways[i].name);
        cr_assert_eq(extra[0].revents, 0, "%s", relay_ways[i].name);
        void *failed;
        cr_assert_eq(pthread_join(thread, &failed), 0);
        cr_assert_null(failed);
        relay_bench_send(&bench, "x", 1);
        close(event);
        extra[1].fd = -1;
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, extra, 2, clock_deadline_ms(LONG_MS)),
                     WAIT_READY, "%s: and with the socket", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

struct waiter {
    struct relay_bench *bench;
    unsigned want;
    int64_t ms;
    enum relay_wait result;
};

static void *wait_in_thread(void *arg)
{
    struct waiter *waiter = arg;
    waiter->result = relay_bench_wait(waiter->bench, waiter->want, waiter->ms);
    return NULL;
}

/* One waits to write while the peer does not read, the other to read; each gets its own, in either
 * order. */
Test(relay_wait, two_threads_wait_at_once, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        pthread_t reader, writer;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_fill(&bench);
        struct waiter reading = {.bench = &bench, .want = RELAY_READABLE, .ms = LONG_MS};
        struct waiter writing = {.bench = &bench, .want = RELAY_WRITABLE, .ms = LONG_MS};
        cr_assert_eq(pthread_create(&writer, NULL, wait_in_thread, &writing), 0);
        cr_assert_eq(pthread_create(&reader, NULL, wait_in_thread, &reading), 0);
        pause_ms(10);
        relay_bench_send(&bench, "x", 1);
        cr_assert_eq(pthread_join(reader, NULL), 0);
        cr_assert_eq(reading.result, WAIT_READY, "%s: reader", relay_ways[i].name);
        cr_assert_not(relay_is(bench.relay, RELAY_WRITABLE), "%s", relay_ways[i].name);
        char sink[65536];
        while (!relay_is(bench.relay, RELAY_WRITABLE))
            (void)recv(bench.peer, sink, sizeof(sink), MSG_DONTWAIT);
        cr_assert_eq(pthread_join(writer, NULL), 0);
        cr_assert_eq(writing.result, WAIT_READY, "%s: writer", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

/* The thread that runs the loop gives up; the other must take it, or no thread would see the peer
 * read. */
Test(relay_wait, a_thread_that_leaves_hands_the_loop_on, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        pthread_t reader, writer;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_fill(&bench);
        struct waiter writing = {.bench = &bench, .want = RELAY_WRITABLE, .ms = LONG_MS};
        struct waiter reading = {.bench = &bench, .want = RELAY_READABLE, .ms = 60};
        cr_assert_eq(pthread_create(&reader, NULL, wait_in_thread, &reading), 0);
        pause_ms(20); /* so that it runs the loop */
        cr_assert_eq(pthread_create(&writer, NULL, wait_in_thread, &writing), 0);
        cr_assert_eq(pthread_join(reader, NULL), 0);
        cr_assert_eq(reading.result, WAIT_TIMEOUT, "%s", relay_ways[i].name);
        static char sink[1 << 20];
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (!relay_is(bench.relay, RELAY_WRITABLE) && clock_now_us() < deadline_us)
            (void)recv(bench.peer, sink, sizeof(sink), MSG_DONTWAIT);
        cr_assert_eq(pthread_join(writer, NULL), 0);
        cr_assert_eq(writing.result, WAIT_READY, "%s", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}
