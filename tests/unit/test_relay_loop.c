/* The I/O loop: the write timeout, and that nothing spins. Plain bytes instead of TLS. */
#include "relay/clock.h"
#include "tests/support/relay_bench.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = RELAY_BENCH_LONG_MS, SPIN_MS = 300, SPIN_MAX_US = 60000 };

/* ---- Time limits on output ------------------------------------------------------------------- */

Test(relay_loop, output_that_makes_no_progress_times_out, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        struct relay_options options = relay_bench_options(&relay_ways[i]);
        options.write_timeout_ms = 60;
        relay_bench_start(&bench, &options);
        relay_bench_fill(&bench);
        cr_assert_eq(relay_bench_wait(&bench, RELAY_WRITABLE, LONG_MS), WAIT_READY, "%s",
                     relay_ways[i].name);
        struct relay_status status = relay_status(bench.relay);
        cr_assert(status.timed_out, "%s", relay_ways[i].name);
        cr_assert_eq(status.error, ETIMEDOUT, "%s", relay_ways[i].name);
        relay_bench_free(&bench);
    }
}

/* A peer that takes a little now and then is slow, not dead: also while that is too little for the
 * socket to take on. */
Test(relay_loop, output_that_makes_slow_progress_goes_on, .timeout = 60)
{
    static const size_t amounts[] = {65536, 5000};
    for (int i = 0; i < RELAY_WAYS; i++)
        for (size_t a = 0; a < 2; a++) {
            struct relay_bench bench;
            static char sink[65536];
            struct relay_options options = relay_bench_options(&relay_ways[i]);
            options.write_timeout_ms = 200;
            options.outbound_size = 4096;
            relay_bench_start_on(&bench, &options, sockets_unix);
            relay_bench_fill(&bench);
            for (int round = 0; round < 15; round++) {
                (void)relay_bench_wait(&bench, 0, 30);
                (void)recv(bench.peer, sink, amounts[a], MSG_DONTWAIT);
                (void)BIO_write(bench.bio, sink, 4096);
            }
            cr_assert_not(relay_status(bench.relay).timed_out, "%s, %zu", relay_ways[i].name,
                          amounts[a]);
            relay_bench_free(&bench);
        }
}

/* ---- No spinning (hazard 9) ------------------------------------------------------------------ */

/* With the relay thread alone, and with the conversation in a wait for something that does not
 * come. */
static void assert_quiet(struct relay_bench *bench, const char *name, const char *state)
{
    int64_t before_us = cpu_time_us();
    pause_ms(SPIN_MS);
    int64_t away_us = cpu_time_us() - before_us;
    cr_assert_lt(away_us, SPIN_MAX_US, "%s: %s: %lld us with the conversation away", name, state,
                 (long long)away_us);
    struct pollfd extra = {.fd = eventfd(0, 0), .events = POLLIN};
    before_us = cpu_time_us();
    (void)relay_wait(bench->relay, 0, &extra, 1, clock_deadline_ms(SPIN_MS / 2));
    (void)relay_wait(bench->relay, 0, NULL, 0, clock_deadline_ms(SPIN_MS / 2));
    int64_t waiting_us = cpu_time_us() - before_us;
    close(extra.fd);
    cr_assert_lt(waiting_us, SPIN_MAX_US, "%s: %s: %lld us in a wait", name, state,
                 (long long)waiting_us);
}

static void hazard_9(const struct relay_way *way)
{
    static const char block[64];
    struct relay_bench bench;
    struct relay_options options = relay_bench_options(way);
    options.inbound_size = 16;
    relay_bench_start(&bench, &options);
    relay_bench_send(&bench, block, sizeof(block));
    if (way->transport == RELAY_PAIR)
        cr_assert(relay_bench_receives(&bench, 16), "%s", way->name);
    assert_quiet(&bench, way->name, "ring full");
    cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
    assert_quiet(&bench, way->name, "ring full, then FIN");
    relay_bench_reset(&bench);
    assert_quiet(&bench, way->name, "ring full, FIN, then RST");
    relay_bench_free(&bench);
}

Test(relay_loop, hazard_9_no_spinning_auto, .timeout = 30)
{
    hazard_9(&relay_ways[WAY_AUTO]);
}

Test(relay_loop, hazard_9_no_spinning_relay, .timeout = 30)
{
    hazard_9(&relay_ways[WAY_RELAY]);
}

Test(relay_loop, hazard_9_no_spinning_conversation, .timeout = 30)
{
    hazard_9(&relay_ways[WAY_CONVERSATION]);
}

Test(relay_loop, hazard_9_no_spinning_random, .timeout = 30)
{
    hazard_9(&relay_ways[WAY_RANDOM]);
}

Test(relay_loop, hazard_9_no_spinning_direct, .timeout = 30)
{
    hazard_9(&relay_ways[WAY_DIRECT]);
}

/* The same with output that the peer does not take. */
Test(relay_loop, hazard_9_no_spinning_with_output_left, .timeout = 60)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        relay_bench_init(&bench, &relay_ways[i]);
        relay_bench_fill(&bench);
        assert_quiet(&bench, relay_ways[i].name, "output left");
        cr_assert_eq(shutdown(bench.peer, SHUT_WR), 0);
        assert_quiet(&bench, relay_ways[i].name, "output left, FIN");
        relay_bench_reset(&bench);
        assert_quiet(&bench, relay_ways[i].name, "output left, FIN, RST");
        relay_bench_free(&bench);
    }
}

/* Twenty connections wait, and no thread wakes. What a sanitizer's own thread and other programs
 * add comes and goes; a relay thread that wakes does so in every second: the best of some counts.
 */
static void *wait_for_peer(void *arg)
{
    struct relay_bench *bench = arg;
    (void)relay_bench_wait(bench, RELAY_READABLE, LONG_MS);
    return NULL;
}

static uint64_t switches_in_a_second(void)
{
    uint64_t before = context_switches();
    pause_ms(1000);
    return context_switches() - before;
}

static uint64_t quiet_second(uint64_t at_most)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 10 && least > at_most; i++) {
        uint64_t switches = switches_in_a_second();
        least = switches < least ? switches : least;
    }
    return least;
}

Test(relay_loop, idle_connections_wake_nobody, .timeout = 60)
{
    enum { IDLE = 20 };
    static const int way_numbers[] = {WAY_AUTO, WAY_RELAY, WAY_DIRECT};
    uint64_t nothing = switches_in_a_second(); /* a sanitizer's own */
    for (size_t w = 0; w < 3; w++) {
        struct relay_bench bench[IDLE];
        pthread_t threads[IDLE];
        for (int i = 0; i < IDLE; i++) {
            relay_bench_init(&bench[i], &relay_ways[way_numbers[w]]);
            cr_assert_eq(pthread_create(&threads[i], NULL, wait_for_peer, &bench[i]), 0);
        }
        pause_ms(1000); /* until the relay threads have found that they are not needed, and ended */
        uint64_t switches = quiet_second(nothing + 10);
        for (int i = 0; i < IDLE; i++)
            relay_bench_send(&bench[i], "x", 1);
        for (int i = 0; i < IDLE; i++)
            cr_assert_eq(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < IDLE; i++)
            relay_bench_free(&bench[i]);
        cr_assert_leq(switches, nothing + 10, "%s: %llu, without them %llu",
                      relay_ways[way_numbers[w]].name, (unsigned long long)switches,
                      (unsigned long long)nothing);
    }
}
