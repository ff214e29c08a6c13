/* Shared by the tests of the pair transport and of its rings: a relay without a thread, in the
 * state OPEN, and the socket's other end. Each call that fails ends the test. */
#ifndef ACTPASS_TEST_PAIR_H
#define ACTPASS_TEST_PAIR_H

#include "relay/internal.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct bench {
    struct relay *relay;
    int peer;
};

/* As TLS server, with ten seconds to write. */
static inline struct bench bench_of(struct relay_options options)
{
    int fds[2];
    sockets_unix(fds);
    options.role = ROLE_SERVER;
    options.write_timeout_ms = 10000;
    struct bench bench = {.relay = relay_new(fds[0], &options), .peer = fds[1]};
    cr_assert_not_null(bench.relay);
    return bench;
}

static inline void bench_free(struct bench *bench)
{
    relay_free(bench->relay);
    close(bench->peer);
}

static inline void peer_sends(const struct bench *bench, const char *text)
{
    cr_assert_eq(send(bench->peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Takes the relay's lock. */
static inline void assert_reads(const struct bench *bench, const char *text)
{
    char got[200];
    relay_lock(bench->relay);
    ssize_t size = transport_pair.read(bench->relay, got, strlen(text));
    relay_unlock(bench->relay);
    cr_assert_eq(size, (ssize_t)strlen(text), "%zd bytes", size);
    cr_assert_arr_eq(got, text, strlen(text), "got %.*s", (int)size, got);
}

#endif
