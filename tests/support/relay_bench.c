#include "tests/support/relay_bench.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay_options relay_bench_options(const struct relay_way *way)
{
    return (struct relay_options){.transport = way->transport,
                                  .hooks = driver_hooks(way->driver, 0),
                                  .role = ROLE_SERVER,
                                  .write_timeout_ms = RELAY_BENCH_LONG_MS};
}

void relay_bench_make(struct relay_bench *bench, const struct relay_options *options,
                      void (*make_sockets)(int fds[2]))
{
    int fds[2];
    make_sockets(fds);
    bench->threads = threads_new(131072, 4, 50);
    struct relay_options own = *options;
    own.threads = bench->threads;
    bench->relay = relay_new(fds[0], &own);
    bench->fd = fds[0];
    bench->peer = fds[1];
    cr_assert(bench->threads && bench->relay);
    bench->bio = relay_bio(bench->relay);
    cr_assert_not_null(bench->bio);
}

void relay_bench_start_on(struct relay_bench *bench, const struct relay_options *options,
                          void (*make_sockets)(int fds[2]))
{
    relay_bench_make(bench, options, make_sockets);
    cr_assert_eq(relay_start(bench->relay), 0);
}

void relay_bench_start(struct relay_bench *bench, const struct relay_options *options)
{
    relay_bench_start_on(bench, options, sockets_tcp);
}

void relay_bench_init(struct relay_bench *bench, const struct relay_way *way)
{
    struct relay_options options = relay_bench_options(way);
    relay_bench_start(bench, &options);
}

void relay_bench_free(struct relay_bench *bench)
{
    relay_close(bench->relay);
    BIO_free(bench->bio);
    relay_free(bench->relay);
    threads_free(bench->threads);
    if (bench->peer >= 0)
        close(bench->peer);
}

void relay_bench_send(struct relay_bench *bench, const void *bytes, size_t size)
{
    cr_assert_eq(send(bench->peer, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

void relay_bench_reset(struct relay_bench *bench)
{
    socket_reset(bench->peer);
    bench->peer = -1;
}

enum relay_wait relay_bench_wait(struct relay_bench *bench, unsigned want, int64_t ms)
{
    return relay_wait(bench->relay, want, NULL, 0, clock_deadline_ms(ms));
}

bool relay_bench_receives(struct relay_bench *bench, uint64_t size)
{
    int64_t deadline_us = clock_deadline_ms(RELAY_BENCH_LONG_MS);
    while (relay_status(bench->relay).received < size && clock_now_us() < deadline_us)
        (void)relay_bench_wait(bench, 0, 5);
    return relay_status(bench->relay).received >= size;
}

/* Then the relay will send more of what is written, as soon as its thread runs. */
static bool socket_takes_more(const struct relay_bench *bench)
{
    struct pollfd set = {.fd = bench->fd, .events = POLLOUT};
    return poll(&set, 1, 0) == 1 && (set.revents & POLLOUT) != 0;
}

void relay_bench_fill(struct relay_bench *bench)
{
    static const char block[4096];
    int64_t deadline_us = clock_deadline_ms(RELAY_BENCH_LONG_MS);
    do {
        cr_assert_lt(clock_now_us(), deadline_us, "it does not send");
        while (BIO_write(bench->bio, block, sizeof(block)) > 0)
            cr_assert_lt(clock_now_us(), deadline_us, "it accepts without end");
        relay_flush(bench->relay);
    } while (
        BIO_should_write(bench->bio) &&
        (relay_bench_wait(bench, RELAY_WRITABLE, 40) == WAIT_READY || socket_takes_more(bench)));
}
