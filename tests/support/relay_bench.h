/* A relay with plain bytes instead of TLS on one side, and the peer's socket on the other. A
 * failure fails the test, so all functions are for its main thread, but relay_bench_wait. */
#ifndef ACTPASS_TESTS_SUPPORT_RELAY_BENCH_H
#define ACTPASS_TESTS_SUPPORT_RELAY_BENCH_H

#include "relay/relay.h"
#include "tests/support/drivers.h"

enum { RELAY_BENCH_LONG_MS = 10000 };

struct relay_bench {
    struct threads *threads;
    struct relay *relay;
    BIO *bio; /* the conversation's side */
    int fd;   /* its socket, the relay's own */
    int peer; /* the peer's socket; -1: closed */
};

/* The options for a way: role server, a write timeout of RELAY_BENCH_LONG_MS. */
struct relay_options relay_bench_options(const struct relay_way *way);

/* Creates a relay over the sockets of MAKE_SOCKETS, without a thread. */
void relay_bench_make(struct relay_bench *bench, const struct relay_options *options,
                      void (*make_sockets)(int fds[2]));

/* Creates and starts a relay, over the sockets of MAKE_SOCKETS, over TCP, or with the options of a
 * way. */
void relay_bench_start_on(struct relay_bench *bench, const struct relay_options *options,
                          void (*make_sockets)(int fds[2]));
void relay_bench_start(struct relay_bench *bench, const struct relay_options *options);
void relay_bench_init(struct relay_bench *bench, const struct relay_way *way);
void relay_bench_free(struct relay_bench *bench);

/* The peer sends, or resets the connection. */
void relay_bench_send(struct relay_bench *bench, const void *bytes, size_t size);
void relay_bench_reset(struct relay_bench *bench);

/* relay_wait for so many milliseconds. Any thread. */
enum relay_wait relay_bench_wait(struct relay_bench *bench, unsigned want, int64_t ms);

/* Waits until the relay has received SIZE bytes in total. */
bool relay_bench_receives(struct relay_bench *bench, uint64_t size);

/* Writes until no more is sent or accepted, with a peer that does not read. */
void relay_bench_fill(struct relay_bench *bench);

#endif
