/* A peer that never stops sending: who reads comes back for its deadline and for an abort all the
 * same. With plain bytes; a reader that takes few of them at a time stands for SSL_read over
 * messages without data. */
#include "relay/clock.h"
#include "relay/relay.h"
#include "tests/support/drivers.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 10000, CREDIT = RELAY_DEFAULT_RING, BITE = 64, SOON_MS = 30 };

struct bench {
    struct threads *threads;
    struct relay *relay;
    BIO *bio;
    int peer;
    pthread_t flood;
};

/* Until the connection ends. */
static void *flood(void *arg)
{
    static const char block[65536];
    const struct bench *bench = arg;
    while (send(bench->peer, block, sizeof(block), MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void bench_init(struct bench *bench, const struct relay_way *way)
{
    int fds[2];
    sockets_tcp(fds);
    struct relay_options options = {.transport = way->transport,
                                    .hooks = driver_hooks(way->driver, 0),
                                    .role = ROLE_SERVER,
                                    .write_timeout_ms = LONG_MS};
    options.threads = bench->threads = threads_new(131072, 4, 50);
    cr_assert_not_null(options.threads);
    bench->relay = relay_new(fds[0], &options);
    bench->peer = fds[1];
    cr_assert_not_null(bench->relay);
    cr_assert_eq(relay_start(bench->relay), 0);
    bench->bio = relay_bio(bench->relay);
    cr_assert_not_null(bench->bio);
    cr_assert_eq(pthread_create(&bench->flood, NULL, flood, bench), 0);
}

static void bench_free(struct bench *bench)
{
    relay_close(bench->relay);
    cr_assert_eq(pthread_join(bench->flood, NULL), 0);
    BIO_free(bench->bio);
    relay_free(bench->relay);
    threads_free(bench->threads);
    close(bench->peer);
}

/* What one SSL_read over messages without data takes; more than MAX is too much. */
static size_t read_until_retry(struct bench *bench, size_t max)
{
    char scratch[BITE];
    size_t total = 0;
    int got;
    while (total <= max && (got = BIO_read(bench->bio, scratch, sizeof(scratch))) > 0)
        total += (size_t)got;
    return total;
}

Test(relay_flood, from_one_wait_to_the_next_so_much_is_read_and_no_more, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        if (relay_ways[i].driver == DRIVER_CONVERSATION) /* nothing comes outside a call */
            continue;
        struct bench bench;
        bench_init(&bench, &relay_ways[i]);
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(
                relay_wait(bench.relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(LONG_MS)),
                WAIT_READY, "%s: the rest was forgotten", relay_ways[i].name);
            int64_t deadline_us = clock_deadline_ms(LONG_MS);
            size_t total = 0;
            while (total < CREDIT && clock_now_us() < deadline_us)
                total += read_until_retry(&bench, CREDIT);
            while (!relay_is(bench.relay, RELAY_READABLE) && clock_now_us() < deadline_us &&
                   relay_ways[i].transport == RELAY_PAIR)
                pause_ms(1); /* the relay receives */
            total += read_until_retry(&bench, CREDIT);
            cr_assert_eq(total, CREDIT, "%s: %zu bytes", relay_ways[i].name, total);
            cr_assert(BIO_should_read(bench.bio), "%s", relay_ways[i].name);
        }
        bench_free(&bench);
    }
}

Test(relay_flood, a_deadline_is_kept, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct bench bench;
        bench_init(&bench, &relay_ways[i]);
        int64_t deadline_us = clock_deadline_ms(SOON_MS);
        size_t late = 0;
        enum relay_wait wait;
        while ((wait = relay_wait(bench.relay, RELAY_READABLE, NULL, 0, deadline_us)) ==
                   WAIT_READY &&
               late <= CREDIT) {
            bool is_late = clock_now_us() >= deadline_us;
            size_t got = read_until_retry(&bench, CREDIT);
            late += is_late ? got : 0;
        }
        cr_assert_eq(wait, WAIT_TIMEOUT, "%s: %zu bytes since then", relay_ways[i].name, late);
        cr_assert_eq(relay_wait(bench.relay, RELAY_READABLE, NULL, 0, clock_deadline_ms(LONG_MS)),
                     WAIT_READY, "%s: the rest was forgotten", relay_ways[i].name);
        cr_assert_gt(BIO_read(bench.bio, &(char){0}, 1), 0, "%s", relay_ways[i].name);
        bench_free(&bench);
    }
}

struct abort_later {
    struct bench *bench;
    atomic_bool done;
};

static void *abort_in_thread(void *arg)
{
    struct abort_later *later = arg;
    pause_ms(SOON_MS);
    relay_abort(later->bench->relay);
    atomic_store(&later->done, true);
    return NULL;
}

/* The reader waits between two reads; or the BIO does it. */
static void abort_ends_reading(const struct relay_way *way, bool blocking)
{
    struct bench bench;
    bench_init(&bench, way);
    if (blocking)
        relay_set_blocking(bench.relay, -1);
    struct abort_later later = {.bench = &bench};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, abort_in_thread, &later), 0);
    enum relay_wait wait = WAIT_READY;
    size_t after = 0;
    do {
        bool aborted = atomic_load(&later.done);
        size_t got = read_until_retry(&bench, CREDIT);
        after += aborted ? got : 0;
        if (!blocking)
            wait = relay_wait(bench.relay, RELAY_READABLE, NULL, 0, DEADLINE_NEVER);
        else if (got <= CREDIT)
            wait = BIO_should_read(bench.bio) ? WAIT_TIMEOUT : WAIT_CANCELLED;
    } while (wait == WAIT_READY && after <= CREDIT);
    cr_assert_eq(wait, WAIT_CANCELLED, "%s, blocking %d: %zu bytes since the abort", way->name,
                 blocking, after);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    bench_free(&bench);
}

Test(relay_flood, an_abort_is_heard, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++)
        for (int blocking = 0; blocking < 2; blocking++)
            abort_ends_reading(&relay_ways[i], blocking);
}
