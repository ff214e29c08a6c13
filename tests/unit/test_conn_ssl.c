/* Code that calls OpenSSL itself (actpass_ssl), on a non-blocking connection. */
#include "relay/clock.h"
#include "tests/support/conn_suite.h"
#include "tests/support/pattern.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>

TestSuite(conn_ssl, .timeout = 60);

static struct conn_suite suite;

enum { LONG_MS = 20000, SHORT_MS = 30, MUCH = 1000000 };

/* Both roles, versions and transports; the loop is this file's own. */
enum { WAYS = 8 };

/* How the loop waits: one after the other. */
enum wait_by { BY_POLL, BY_NOTED_POLL, WAIT_WAYS };

static void begin(struct conn_rig *rig, int which, void (*script)(struct socket_peer *, void *),
                  void *arg)
{
    struct conn_rig_options options = conn_way(which);
    options.loop = LOOP_NONE;
    conn_rig_init(rig, &suite.world, &options, script, arg);
    cr_assert_eq(actpass_handshake(rig->conn), 0, "way %d: %s", which, conn_rig_says(rig));
    cr_assert_eq(actpass_set_nonblocking(rig->conn, 1), 0);
}

/* Returns false if nothing came for LONG_MS. */
static bool wait_by(actpass_conn *conn, enum wait_by by)
{
    struct pollfd socket;
    int timeout = actpass_prepare_wait(conn, &socket);
    if (timeout < 0 || timeout > LONG_MS)
        timeout = LONG_MS;
    int ready = poll(&socket, 1, timeout);
    if (by == BY_NOTED_POLL && ready > 0)
        actpass_note_events(conn, socket.revents);
    return ready > 0 || timeout < LONG_MS;
}

/* Reads what is no data, such as tickets, until nothing is left but to wait. False: the loop would
 * be busy. */
static bool waits_in_the_end(SSL *ssl, actpass_conn *conn)
{
    struct pollfd socket;
    char byte;
    int ready = 1;
    for (int i = 0; i < 10 && ready != 0; i++) {
        ERR_clear_error();
        int got = SSL_read(ssl, &byte, 1);
        cr_assert_eq(SSL_get_error(ssl, got), SSL_ERROR_WANT_READ);
        int timeout = actpass_prepare_wait(conn, &socket);
        cr_assert(timeout == 0 || (socket.events & POLLIN));
        ready = timeout == 0 ? 1 : poll(&socket, 1, SHORT_MS);
    }
    return ready == 0;
}

Test(conn_ssl, a_read_without_data_asks_to_come_again)
{
    conn_suite_begin(&suite);
    for (int which = 0; which < WAYS; which++) {
        struct conn_rig rig;
        begin(&rig, which, peer_echoes, NULL);
        int64_t deadline_us = clock_deadline_ms(LONG_MS / 2);
        cr_assert(waits_in_the_end(actpass_ssl(rig.conn), rig.conn), "way %d: a busy loop", which);
        cr_assert_lt(clock_now_us(), deadline_us, "way %d: SSL_read waited", which);
        actpass_abort(rig.conn);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}

/* ---- Much in both directions ----------------------------------------------------------------- */

struct stream {
    SSL *ssl;
    const struct socket_peer_plan *plan;
    uint64_t sent, received;
    bool good;
};

static bool is_retry(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool read_all(struct stream *stream)
{
    uint8_t data[5000];
    int got = 1;
    while (got > 0 && stream->received < stream->plan->receive) {
        ERR_clear_error();
        got = SSL_read(stream->ssl, data, sizeof(data));
        if (got > 0 &&
            !pattern_matches(data, (size_t)got, stream->received, stream->plan->receive_seed))
            return false;
        stream->received += got > 0 ? (uint64_t)got : 0;
    }
    return got > 0 || is_retry(stream->ssl, got);
}

static bool write_all(struct stream *stream)
{
    uint8_t data[10000];
    int put = 1;
    while (put > 0 && stream->sent < stream->plan->send) {
        uint64_t left = stream->plan->send - stream->sent;
        size_t size = left < sizeof(data) ? (size_t)left : sizeof(data);
        pattern_fill(data, size, stream->sent, stream->plan->send_seed);
        ERR_clear_error();
        put = SSL_write(stream->ssl, data, (int)size);
        stream->sent += put > 0 ? (uint64_t)put : 0;
    }
    return put > 0 || is_retry(stream->ssl, put);
}

static bool moves_all(struct stream *stream, actpass_conn *conn, enum wait_by by)
{
    bool good = true;
    while (good &&
           (stream->sent < stream->plan->send || stream->received < stream->plan->receive)) {
        uint64_t before = stream->sent + stream->received;
        good = read_all(stream) && write_all(stream);
        if (good && stream->sent + stream->received == before)
            good = wait_by(conn, by);
    }
    return good;
}

static void exchanges(struct socket_peer *peer, void *arg)
{
    const struct socket_peer_plan *plan = arg;
    if (socket_peer_handshake(peer) && socket_peer_exchange(peer, plan))
        (void)socket_peer_end_in_order(peer);
}

Test(conn_ssl, much_in_both_directions)
{
    struct socket_peer_plan theirs = {
        .send = MUCH, .receive = MUCH, .send_seed = 1, .receive_seed = 2};
    const struct socket_peer_plan ours = {
        .send = MUCH, .receive = MUCH, .send_seed = 2, .receive_seed = 1};
    conn_suite_begin(&suite);
    for (int which = 0; which < WAYS * WAIT_WAYS; which++) {
        struct conn_rig rig;
        begin(&rig, which % WAYS, exchanges, &theirs);
        struct stream stream = {.ssl = actpass_ssl(rig.conn), .plan = &ours};
        SSL_set_mode(stream.ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        bool good = moves_all(&stream, rig.conn, (enum wait_by)(which / WAYS));
        if (!good)
            actpass_abort(rig.conn);
        cr_assert(good, "way %d: %llu sent, %llu received: %s", which,
                  (unsigned long long)stream.sent, (unsigned long long)stream.received,
                  conn_rig_says(&rig));
        cr_assert_eq(actpass_set_nonblocking(rig.conn, 0), 0);
        cr_assert_eq(actpass_close(rig.conn), ACTPASS_CLEAN, "way %d: %s", which,
                     actpass_error(rig.conn));
        conn_must_be_good(true, &rig, which);
        conn_rig_free(&rig);
    }
    conn_suite_end(&suite);
}
