#include "tests/support/rig.h"

#include "relay/clock.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 131072, KEEP = 8, KEEP_MS = 10000, LONG_MS = 30000, CHUNK = 16384 };

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "tests/support/rig: %s: %s\n", what, strerror(errno));
    abort();
}

void rig_world_init(struct rig_world *world)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    world->pair = test_pair_new();
    world->threads = threads_new(STACK, KEEP, KEEP_MS);
    check(world->threads, "threads_new");
    for (size_t i = 0; i < 2; i++) {
        const struct test_end *ends = world->pair->ends;
        world->ours[i] = socket_peer_context(versions[i], ends[0].certificate, ends[0].key);
        world->theirs[i] = socket_peer_context(versions[i], ends[1].certificate, ends[1].key);
    }
}

void rig_world_free(struct rig_world *world)
{
    threads_free(world->threads);
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX_free(world->ours[i]);
        SSL_CTX_free(world->theirs[i]);
    }
    test_pair_free(world->pair);
}

struct rig_options rig_defaults(enum role role, int version)
{
    return (struct rig_options){
        .relay = {.role = role,
                  .initial_data_timeout_ms = LONG_MS,
                  .handshake_timeout_ms = LONG_MS,
                  .write_timeout_ms = LONG_MS},
        .peer = {.server = role == ROLE_CLIENT},
        .version = version,
    };
}

void rig_init(struct rig *rig, struct rig_world *world, const struct rig_options *options,
              void (*script)(struct socket_peer *peer, void *arg), void *arg)
{
    int fds[2];
    *rig = (struct rig){.world = world, .options = *options};
    (options->unix_sockets ? sockets_unix : sockets_tcp)(fds);
    if (options->small_buffers) {
        socket_small_buffers(fds[0]);
        socket_small_buffers(fds[1]);
    }
    rig->options.relay.threads = world->threads;
    rig->relay = relay_new(fds[0], &rig->options.relay);
    check(rig->relay, "relay_new");
    check(relay_start(rig->relay) == 0, "relay_start");
    rig->peer = socket_peer_new(fds[1], world->theirs[options->version], &options->peer);
    rig->deadline_us = clock_deadline_ms(LONG_MS);
    socket_peer_start(rig->peer, script, arg);
}

void rig_free(struct rig *rig)
{
    relay_close(rig->relay);
    SSL_free(rig->ssl);
    relay_free(rig->relay);
    socket_peer_free(rig->peer);
}

__attribute__((format(printf, 2, 3))) static bool fail(struct rig *rig, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!rig->failure[0])
        vsnprintf(rig->failure, sizeof(rig->failure), format, arguments);
    va_end(arguments);
    return false;
}

/* After an SSL call that did not succeed: waits, and says whether it may be made again. */
static bool may_retry(struct rig *rig, int result)
{
    int saved = errno;
    int error = SSL_get_error(rig->ssl, result);
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    unsigned want = error == SSL_ERROR_WANT_READ    ? RELAY_READABLE
                    : error == SSL_ERROR_WANT_WRITE ? RELAY_WRITABLE
                                                    : 0;
    if (!want || rig->options.blocking)
        return fail(rig, "SSL error %d: %s, %s", error, reason ? reason : "-", strerror(saved));
    enum relay_wait wait = relay_wait(rig->relay, want, NULL, 0, rig->deadline_us);
    return wait == WAIT_READY || fail(rig, "the wait ended with %d", wait);
}

bool rig_handshake(struct rig *rig)
{
    struct verdict verdict;
    if (relay_wait_verdict(rig->relay, &verdict) != WAIT_READY)
        return fail(rig, "no verdict");
    if (verdict.role == ROLE_NONE)
        return fail(rig, "no role: %s", cause_name(verdict.cause));
    rig->ssl = SSL_new(rig->world->ours[rig->options.version]);
    BIO *bio = relay_bio(rig->relay);
    check(rig->ssl && bio, "SSL_new");
    SSL_set_bio(rig->ssl, bio, bio);
    if (verdict.role == ROLE_SERVER)
        SSL_set_accept_state(rig->ssl);
    else
        SSL_set_connect_state(rig->ssl);
    if (rig->options.blocking)
        relay_set_blocking(rig->relay, LONG_MS);
    int result;
    do {
        ERR_clear_error();
        result = SSL_do_handshake(rig->ssl);
    } while (result != 1 && may_retry(rig, result));
    relay_flush(rig->relay);
    return result == 1;
}

int rig_read(struct rig *rig, void *buffer, int size)
{
    int got;
    do {
        ERR_clear_error();
        got = SSL_read(rig->ssl, buffer, size);
        if (got <= 0 && SSL_get_error(rig->ssl, got) == SSL_ERROR_ZERO_RETURN)
            return 0;
    } while (got <= 0 && may_retry(rig, got));
    return got > 0 ? got : -1;
}

/* Begins a record only when it can be finished (hazard 13). */
int rig_write(struct rig *rig, const void *data, int size)
{
    int put = 0;
    do {
        if (!rig->options.blocking &&
            relay_wait(rig->relay, RELAY_WRITABLE, NULL, 0, rig->deadline_us) != WAIT_READY)
            return -1;
        ERR_clear_error();
        put = SSL_write(rig->ssl, data, size);
    } while (put <= 0 && may_retry(rig, put));
    relay_flush(rig->relay);
    return put;
}

/* ---- Both ways ------------------------------------------------------------------------------- */

static bool write_chunk(struct rig *rig, const struct socket_peer_plan *plan, uint64_t *sent)
{
    uint8_t data[CHUNK];
    uint64_t left = plan->send - *sent;
    int size = left > sizeof(data) ? CHUNK : (int)left;
    pattern_fill(data, (size_t)size, *sent, plan->send_seed);
    int put = rig_write(rig, data, size);
    if (put <= 0)
        return fail(rig, "write failed after %llu bytes", (unsigned long long)*sent);
    *sent += (uint64_t)put;
    return true;
}

static bool take_chunk(struct rig *rig, const struct socket_peer_plan *plan, const uint8_t *data,
                       int size, uint64_t *received)
{
    if (!pattern_matches(data, (size_t)size, *received, plan->receive_seed))
        return fail(rig, "wrong bytes from offset %llu on", (unsigned long long)*received);
    *received += (uint64_t)size;
    return true;
}

static bool read_chunk(struct rig *rig, const struct socket_peer_plan *plan, uint64_t *received)
{
    uint8_t data[CHUNK];
    uint64_t left = plan->receive - *received;
    int got = rig_read(rig, data, left > sizeof(data) ? CHUNK : (int)left);
    if (got <= 0)
        return fail(rig, "read failed after %llu bytes", (unsigned long long)*received);
    return take_chunk(rig, plan, data, got, received);
}

/* One after the other: the peer must be able to do both at once. */
static bool exchange_blocking(struct rig *rig, const struct socket_peer_plan *plan)
{
    uint64_t sent = 0, received = 0;
    while (sent < plan->send)
        if (!write_chunk(rig, plan, &sent))
            return false;
    while (received < plan->receive)
        if (!read_chunk(rig, plan, &received))
            return false;
    return true;
}

/* Reads what is there now. */
static bool read_some(struct rig *rig, const struct socket_peer_plan *plan, uint64_t *received)
{
    uint8_t data[CHUNK];
    for (;;) {
        uint64_t left = plan->receive - *received;
        if (left == 0)
            return true;
        ERR_clear_error();
        int got = SSL_read(rig->ssl, data, left > sizeof(data) ? CHUNK : (int)left);
        if (got <= 0 && SSL_get_error(rig->ssl, got) == SSL_ERROR_WANT_READ)
            return true;
        if (got <= 0)
            return fail(rig, "read failed after %llu bytes", (unsigned long long)*received);
        if (!take_chunk(rig, plan, data, got, received))
            return false;
    }
}

/* One thread that waits for whatever comes first. */
static bool exchange_at_once(struct rig *rig, const struct socket_peer_plan *plan)
{
    uint64_t sent = 0, received = 0;
    for (;;) {
        if (!read_some(rig, plan, &received))
            return false;
        while (sent < plan->send && relay_is(rig->relay, RELAY_WRITABLE))
            if (!write_chunk(rig, plan, &sent))
                return false;
        unsigned want = (received < plan->receive ? RELAY_READABLE : 0U) |
                        (sent < plan->send ? RELAY_WRITABLE : 0U);
        if (!want)
            return true;
        enum relay_wait wait = relay_wait(rig->relay, want, NULL, 0, rig->deadline_us);
        if (wait != WAIT_READY)
            return fail(rig, "wait %d with %llu sent, %llu received", wait,
                        (unsigned long long)sent, (unsigned long long)received);
    }
}

bool rig_exchange(struct rig *rig, const struct socket_peer_plan *plan)
{
    bool good = rig->options.blocking ? exchange_blocking(rig, plan) : exchange_at_once(rig, plan);
    relay_flush(rig->relay);
    return good;
}

bool rig_end_in_order(struct rig *rig)
{
    char scratch[CHUNK];
    int got;
    ERR_clear_error();
    if (SSL_shutdown(rig->ssl) < 0)
        return fail(rig, "SSL_shutdown failed");
    if (relay_finish_output(rig->relay, rig->deadline_us) != WAIT_READY)
        return fail(rig, "the output was not finished");
    while ((got = rig_read(rig, scratch, sizeof(scratch))) > 0)
        ;
    if (got < 0)
        return fail(rig, "no close_notify came");
    struct relay_status status = relay_status(rig->relay);
    if (status.error)
        return fail(rig, "the transport failed: %s", strerror(status.error));
    relay_discard(rig->relay, UINT64_MAX, rig->deadline_us);
    return relay_status(rig->relay).eof || fail(rig, "no FIN came");
}
