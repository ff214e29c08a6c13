/* Shared by the tests of the verdict: a relay whose role is not decided, and its peer. Each call
 * that fails ends the test. */
#ifndef ACTPASS_TEST_SNIFF_H
#define ACTPASS_TEST_SNIFF_H

#include "relay/clock.h"
#include "relay/relay.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "\x16\x03\x01\x00\x05\x01\x00\x00\x01z"

struct bench {
    struct threads *threads;
    struct relay *relay;
    int peer;
    atomic_int calls; /* of on_verdict */
    pthread_t notifier;
};

static inline void on_verdict(void *arg)
{
    struct bench *bench = arg;
    bench->notifier = pthread_self();
    atomic_fetch_add(&bench->calls, 1);
}

static inline struct relay_options automatic(int64_t initial_data_timeout_ms)
{
    return (struct relay_options){.role = ROLE_AUTO,
                                  .initial_data_timeout_ms = initial_data_timeout_ms,
                                  .handshake_timeout_ms = 10000,
                                  .write_timeout_ms = 10000};
}

/* Sockets first, so that the peer may act before there is a relay. */
static inline int bench_sockets(struct bench *bench)
{
    int fds[2];
    memset(bench, 0, sizeof(*bench));
    sockets_tcp(fds);
    bench->peer = fds[1];
    return fds[0];
}

static inline void bench_relay(struct bench *bench, int fd, const struct relay_options *options)
{
    struct relay_options own = *options;
    bench->threads = threads_new(131072, 1, 1000);
    own.threads = bench->threads;
    own.on_verdict = on_verdict;
    own.arg = bench;
    bench->relay = relay_new(fd, &own);
    cr_assert(bench->threads && bench->relay);
    cr_assert_eq(relay_start(bench->relay), 0);
}

static inline void bench_init(struct bench *bench, const struct relay_options *options)
{
    int fd = bench_sockets(bench);
    bench_relay(bench, fd, options);
}

static inline void bench_free(struct bench *bench)
{
    relay_free(bench->relay);
    threads_free(bench->threads);
    if (bench->peer >= 0)
        close(bench->peer);
}

static inline void peer_sends(struct bench *bench, const char *bytes, size_t size)
{
    cr_assert_eq(send(bench->peer, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* False if it does not come in ten seconds. */
static inline bool notified_in_time(struct bench *bench)
{
    int64_t deadline_us = clock_deadline_ms(10000);
    while (atomic_load(&bench->calls) == 0 && clock_now_us() < deadline_us)
        pause_ms(1);
    return atomic_load(&bench->calls) > 0;
}

static inline struct verdict verdict_of(struct bench *bench)
{
    struct verdict verdict;
    cr_assert_eq(relay_wait_verdict(bench->relay, &verdict), WAIT_READY);
    return verdict;
}

#endif
