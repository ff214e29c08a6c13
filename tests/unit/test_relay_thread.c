/* The relay thread serves the socket while the conversation is outside any call. Plain bytes
 * instead of TLS. */
#include "relay/clock.h"
#include "tests/support/relay_bench.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>

enum { LONG_MS = RELAY_BENCH_LONG_MS };

Test(relay_thread, away_the_relay_receives, .timeout = 30)
{
    static const char block[5000];
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        const struct relay_way *way = &relay_ways[i];
        if (!way->receives_away)
            continue;
        relay_bench_init(&bench, way);
        /* After a long call the relay thread may be gone. */
        (void)relay_bench_wait(&bench, RELAY_READABLE, 30);
        relay_bench_send(&bench, block, sizeof(block));
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (relay_status(bench.relay).received < sizeof(block) && clock_now_us() < deadline_us)
            pause_ms(1);
        cr_assert_eq(relay_status(bench.relay).received, sizeof(block), "%s", way->name);
        relay_bench_free(&bench);
    }
}

Test(relay_thread, away_the_relay_sends, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        const struct relay_way *way = &relay_ways[i];
        if (!way->receives_away)
            continue;
        relay_bench_init(&bench, way);
        (void)relay_bench_wait(&bench, RELAY_READABLE, 30);
        relay_bench_fill(&bench);
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
        relay_bench_free(&bench);
    }
}

Test(relay_thread, away_the_relay_notices_a_reset, .timeout = 30)
{
    for (int i = 0; i < RELAY_WAYS; i++) {
        struct relay_bench bench;
        const struct relay_way *way = &relay_ways[i];
        if (!way->receives_away)
            continue;
        relay_bench_init(&bench, way);
        (void)relay_bench_wait(&bench, RELAY_READABLE, 30);
        relay_bench_reset(&bench);
        int64_t deadline_us = clock_deadline_ms(LONG_MS);
        while (!relay_status(bench.relay).error && clock_now_us() < deadline_us)
            pause_ms(1);
        cr_assert_eq(relay_status(bench.relay).error, ECONNRESET, "%s", way->name);
        relay_bench_free(&bench);
    }
}
