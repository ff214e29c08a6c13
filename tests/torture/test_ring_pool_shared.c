/* Connections that all borrow their rings from one pool, each end on another thread, and lend them
 * at every moment: no byte is lost, and none gets to another connection. Some are aborted. */
#include "relay/clock.h"
#include "server/lib/conn_internal.h"
#include "tests/support/certs.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"
#include "tests/support/share.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 24, THREADS = 4, MAX = 30000, LIMIT_S = 60 };

struct end {
    actpass_conn *conn;
    unsigned sends, receives; /* the seeds of what it writes and reads */
    uint64_t sent, received;
    uint64_t abort_at; /* bytes received; 0: never */
    bool handshaken, updates_keys, over;
    atomic_bool done; /* it wants no more, but may have to send for its peer */
    struct end *peer;
};

struct worker {
    struct end *ends;
    size_t count;
    uint64_t total, dice;
    int64_t until_us;
    char failure[512];
};

static uint64_t roll(struct worker *worker, uint64_t sides)
{
    worker->dice = worker->dice * 6364136223846793005U + 1442695040888963407U;
    return (worker->dice >> 33) % sides;
}

static void fail(struct worker *worker, struct end *end, const char *what)
{
    if (worker->failure[0] == '\0')
        (void)snprintf(worker->failure, sizeof(worker->failure),
                       "connection %u, %llu sent, %llu received: %s: %s", end->sends,
                       (unsigned long long)end->sent, (unsigned long long)end->received, what,
                       actpass_error(end->conn));
    end->over = true;
}

/* Its peer's end is an abort, too, which it may see in any call. */
static void failed(struct worker *worker, struct end *end, const char *call)
{
    if (end->abort_at)
        end->over = true;
    else
        fail(worker, end, call);
}

static void write_some(struct worker *worker, struct end *end)
{
    uint8_t data[MAX];
    size_t size = 1 + (size_t)roll(worker, roll(worker, 4) ? 300 : MAX);
    if (size > worker->total - end->sent)
        size = (size_t)(worker->total - end->sent);
    pattern_fill(data, size, end->sent, end->sends);
    if (end->updates_keys && roll(worker, 20) == 0)
        (void)SSL_key_update(end->conn->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    int64_t taken = size ? actpass_write_some(end->conn, data, size) : 0;
    if (taken >= 0)
        end->sent += (uint64_t)taken;
    else if (taken != ACTPASS_AGAIN)
        failed(worker, end, "write");
}

static void read_some(struct worker *worker, struct end *end)
{
    uint8_t data[MAX];
    int64_t got = actpass_read(end->conn, data, 1 + (size_t)roll(worker, MAX));
    if (got == ACTPASS_AGAIN)
        return;
    if (got <= 0)
        failed(worker, end, "read");
    else if (!pattern_matches(data, (size_t)got, end->received, end->receives))
        fail(worker, end, "these are not its bytes");
    else
        end->received += (uint64_t)got;
    if (end->abort_at && end->received >= end->abort_at)
        end->over = true;
}

static void step(struct worker *worker, struct end *end)
{
    struct pollfd socket;
    if (!end->handshaken) {
        int result = actpass_handshake(end->conn);
        end->handshaken = result == 0;
        if (result != 0 && result != ACTPASS_AGAIN)
            failed(worker, end, "handshake");
    } else if (roll(worker, 2)) {
        write_some(worker, end);
    } else if (end->received < worker->total) {
        read_some(worker, end);
    }
    if (roll(worker, 2))
        (void)actpass_prepare_wait(end->conn, &socket);
    if (roll(worker, 200) == 0)
        actpass_release_memory(end->conn);
    if (end->sent == worker->total && end->received == worker->total) {
        (void)actpass_prepare_wait(end->conn, &socket);
        atomic_store(&end->done, true);
        end->over = end->over || atomic_load(&end->peer->done);
    }
    if (!end->over)
        return;
    atomic_store(&end->done, true);
    if (end->abort_at) {
        actpass_abort(end->conn);
        (void)actpass_close(end->conn); /* resets it */
    }
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    size_t left = worker->count;
    while (left > 0 && worker->failure[0] == '\0') {
        left = 0;
        for (size_t i = 0; i < worker->count; i++)
            if (!worker->ends[i].over) {
                step(worker, &worker->ends[i]);
                left++;
            }
        if (clock_now_us() > worker->until_us && left > 0)
            fail(worker, &worker->ends[0], "it hangs");
        (void)sched_yield();
    }
    return NULL;
}

static void configure(const struct test_pair *pair, actpass_config *configs[2])
{
    const struct test_end *end = &pair->ends[0];
    for (int i = 0; i < 2; i++)
        configs[i] = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(configs[0], ACTPASS_ROLE_SERVER) |
                     actpass_config_set_identity(configs[0], end->certificate, end->key) |
                     actpass_config_set_role(configs[1], ACTPASS_ROLE_CLIENT) |
                     actpass_config_set_ca(configs[1], pair->ca) |
                     actpass_config_add_peer_name(configs[1], end->name),
                 0);
}

/* Both ends of a connection, for two workers. */
static void connect_pair(actpass_config *configs[2], struct end *ends[2], unsigned number,
                         uint64_t total)
{
    int fds[2];
    (number % 2 ? sockets_tcp : sockets_unix)(fds);
    for (unsigned i = 0; i < 2; i++) {
        *ends[i] = (struct end){.conn = actpass_accept_fd(configs[i], fds[i]),
                                .sends = 2 * number + i,
                                .receives = 2 * number + 1 - i,
                                .abort_at = number % 5 == 4 ? 1 + total / (1 + number) : 0,
                                .updates_keys = number % 3 == 0,
                                .peer = ends[1 - i]};
        cr_assert_not_null(ends[i]->conn);
        cr_assert_eq(actpass_set_nonblocking(ends[i]->conn, 1), 0);
    }
}

Test(ring_pool_shared, each_gets_its_own_bytes, .timeout = 2 * LIMIT_S)
{
    static struct end ends[THREADS][PAIRS];
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    actpass_config *configs[2];
    uint64_t total = TEST_ROUNDS(400000);
    struct test_pair *pair = test_pair_new();
    configure(pair, configs);
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = (struct worker){.ends = ends[i],
                                     .total = total,
                                     .dice = i + 1,
                                     .until_us = clock_deadline_ms(LIMIT_S * 1000)};
    for (unsigned i = 0; i < PAIRS; i++) {
        struct worker *one = &workers[i % THREADS], *other = &workers[(i + 1) % THREADS];
        struct end *both[2] = {&one->ends[one->count++], &other->ends[other->count++]};
        connect_pair(configs, both, i, total);
    }
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_str_empty(workers[i].failure, "%s", workers[i].failure);
    for (unsigned i = 0; i < THREADS; i++)
        for (size_t j = 0; j < workers[i].count; j++)
            actpass_free(ends[i][j].conn);
    actpass_config_free(configs[0]);
    actpass_config_free(configs[1]);
    test_pair_free(pair);
}
