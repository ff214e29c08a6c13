#include "tests/support/socket_peer.h"

#include "relay/clock.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STUCK_MS = 30000, CHUNK = 16384, OUTPUT_MOST = 65536 };

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "tests/support/socket_peer: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

SSL_CTX *socket_peer_context(int version, const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    check(context, "SSL_CTX_new");
    check(SSL_CTX_set_min_proto_version(context, version) &&
              SSL_CTX_set_max_proto_version(context, version),
          "protocol version");
    check(SSL_CTX_use_certificate_chain_file(context, certificate) == 1, certificate);
    check(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1, key);
    return context;
}

struct socket_peer *socket_peer_new(int fd, SSL_CTX *context,
                                    const struct socket_peer_options *options)
{
    struct socket_peer *peer = calloc(1, sizeof(*peer));
    check(peer, "out of memory");
    peer->fd = fd;
    peer->options = *options;
    peer->ssl = SSL_new(context);
    BIO *input = BIO_new(BIO_s_mem()), *output = BIO_new(BIO_s_mem());
    check(peer->ssl && input && output, "SSL_new");
    BIO_set_mem_eof_return(input, -1);
    BIO_set_mem_eof_return(output, -1);
    SSL_set_bio(peer->ssl, input, output);
    if (options->server)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
    peer->deadline_us = clock_deadline_ms(STUCK_MS);
    return peer;
}

static void *run(void *arg)
{
    struct socket_peer *peer = arg;
    peer->deadline_us = clock_deadline_ms(STUCK_MS);
    peer->script(peer, peer->arg);
    return NULL;
}

void socket_peer_start(struct socket_peer *peer,
                       void (*script)(struct socket_peer *peer, void *arg), void *arg)
{
    peer->script = script;
    peer->arg = arg;
    check(pthread_create(&peer->thread, NULL, run, peer) == 0, "pthread_create");
    peer->started = true;
}

void socket_peer_join(struct socket_peer *peer)
{
    if (peer->started)
        check(pthread_join(peer->thread, NULL) == 0, "pthread_join");
    peer->started = false;
}

void socket_peer_free(struct socket_peer *peer)
{
    if (!peer)
        return;
    socket_peer_join(peer);
    if (peer->fd >= 0)
        close(peer->fd);
    SSL_free(peer->ssl);
    free(peer);
}

bool socket_peer_fail(struct socket_peer *peer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!peer->failure[0])
        vsnprintf(peer->failure, sizeof(peer->failure), format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Moving bytes ----------------------------------------------------------------------- */

static size_t output_size(const struct socket_peer *peer)
{
    return BIO_ctrl_pending(SSL_get_wbio(peer->ssl));
}

static void cut(struct socket_peer *peer)
{
    if (peer->options.cut_by_reset)
        socket_peer_reset(peer);
    else
        socket_peer_fin(peer);
    peer->end = PEER_CUT;
}

/* The maximum size of the next send; 0: the stream is cut here. */
static size_t allowance(const struct socket_peer *peer, size_t size)
{
    size_t cap = peer->options.send_cap;
    if (cap && size > cap)
        size = cap;
    if (peer->options.cuts && size > peer->options.cut_after - peer->sent)
        size = (size_t)(peer->options.cut_after - peer->sent);
    return size;
}

/* After the other side's FIN we can still send. */
static bool can_send(const struct socket_peer *peer)
{
    return output_size(peer) > 0 && (peer->end == PEER_OPEN || peer->end == PEER_EOF);
}

static bool can_receive(const struct socket_peer *peer)
{
    return !peer->deaf && peer->end == PEER_OPEN &&
           BIO_ctrl_pending(SSL_get_rbio(peer->ssl)) <= OUTPUT_MOST;
}

/* Splits the first record of the pending output into many. */
static void cut_hello(struct socket_peer *peer)
{
    enum { HEADER = 5 };
    uint8_t hello[CHUNK];
    BIO *output = SSL_get_wbio(peer->ssl);
    size_t piece = peer->options.hello_piece;
    int size = BIO_read(output, hello, sizeof(hello));
    check(size > HEADER && size < CHUNK, "no ClientHello of one record");
    for (size_t at = HEADER; at < (size_t)size; at += piece) {
        size_t length = (size_t)size - at < piece ? (size_t)size - at : piece;
        uint8_t header[HEADER] = {0x16, 3, 1, (uint8_t)(length >> 8), (uint8_t)length};
        check(BIO_write(output, header, HEADER) == HEADER &&
                  BIO_write(output, hello + at, (int)length) == (int)length,
              "BIO_write");
    }
    peer->options.hello_piece = 0;
}

/* True if bytes moved. */
static bool send_some(struct socket_peer *peer)
{
    char *data;
    BIO *output = SSL_get_wbio(peer->ssl);
    if (!can_send(peer))
        return false;
    if (peer->options.hello_piece)
        cut_hello(peer);
    long size = BIO_get_mem_data(output, &data);
    size_t max = allowance(peer, (size_t)size);
    if (max == 0) {
        cut(peer);
        return true;
    }
    ssize_t sent = send(peer->fd, data, max, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return false;
        peer->end = PEER_RESET;
        return true;
    }
    peer->sent += (uint64_t)sent;
    char scratch[CHUNK];
    for (size_t left = (size_t)sent; left;)
        left -= (size_t)BIO_read(output, scratch, left > sizeof(scratch) ? CHUNK : (int)left);
    if (peer->options.pause_us) {
        struct timespec pause = {.tv_nsec = (long)peer->options.pause_us * 1000};
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool receive_some(struct socket_peer *peer)
{
    char data[CHUNK];
    BIO *input = SSL_get_rbio(peer->ssl);
    size_t cap = peer->options.receive_cap;
    if (!can_receive(peer))
        return false;
    ssize_t got =
        recv(peer->fd, data, cap && cap < sizeof(data) ? cap : sizeof(data), MSG_DONTWAIT);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return false;
        peer->end = PEER_RESET;
        return true;
    }
    if (got == 0)
        peer->end = PEER_EOF;
    peer->received += (uint64_t)got;
    check(got == 0 || BIO_write(input, data, (int)got) == got, "BIO_write");
    return true;
}

/* Sends and receives what it can, or waits until it can. False: the stream has ended. */
static bool move(struct socket_peer *peer)
{
    bool sent = send_some(peer);
    bool received = receive_some(peer);
    if (sent || received)
        return true;
    if (!can_send(peer) && !can_receive(peer))
        return false;
    short events = (short)((can_receive(peer) ? POLLIN : 0) | (can_send(peer) ? POLLOUT : 0));
    struct pollfd set = {.fd = peer->fd, .events = events};
    struct timespec left;
    if (clock_now_us() >= peer->deadline_us ||
        ppoll(&set, 1, clock_left(peer->deadline_us, &left), NULL) == 0) {
        peer->end = PEER_STUCK;
        return socket_peer_fail(peer, "the peer waited in vain");
    }
    return true;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* After an SSL call that did not succeed: can it succeed later? */
static bool may_retry(struct socket_peer *peer, int result)
{
    int error = SSL_get_error(peer->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return move(peer);
    if (error == SSL_ERROR_ZERO_RETURN) {
        peer->close_notify = true;
        return false;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    socket_peer_fail(peer, "TLS: %s", reason ? reason : "unknown");
    while (output_size(peer) && move(peer)) /* its alert */
        ;
    if (peer->end == PEER_OPEN)
        peer->end = PEER_TLS;
    return false;
}

bool socket_peer_handshake(struct socket_peer *peer)
{
    int result;
    do {
        ERR_clear_error();
        result = SSL_do_handshake(peer->ssl);
    } while (result != 1 && may_retry(peer, result));
    return result == 1 && socket_peer_flush(peer);
}

int socket_peer_read(struct socket_peer *peer, void *buffer, size_t size)
{
    int got;
    do {
        ERR_clear_error();
        got = SSL_read(peer->ssl, buffer, (int)size);
    } while (got <= 0 && may_retry(peer, got));
    if (got <= 0 && peer->close_notify)
        return 0;
    return got > 0 ? got : -1;
}

bool socket_peer_read_all(struct socket_peer *peer, void *buffer, size_t size)
{
    for (size_t have = 0; have < size;) {
        int got = socket_peer_read(peer, (char *)buffer + have, size - have);
        if (got <= 0)
            return socket_peer_fail(peer, "the stream ended after %zu of %zu bytes", have, size);
        have += (size_t)got;
    }
    return true;
}

bool socket_peer_flush(struct socket_peer *peer)
{
    while (output_size(peer) && move(peer))
        ;
    return output_size(peer) == 0;
}

bool socket_peer_write(struct socket_peer *peer, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t max = size - done > CHUNK ? CHUNK : size - done;
        ERR_clear_error();
        int put = SSL_write(peer->ssl, (const char *)data + done, (int)max);
        if (put <= 0 && !may_retry(peer, put))
            return socket_peer_fail(peer, "it could not write");
        done += put > 0 ? (size_t)put : 0;
        if (!socket_peer_flush(peer))
            return socket_peer_fail(peer, "what it wrote could not be sent");
    }
    return true;
}

/* ---- Both ways at once ------------------------------------------------------------------ */

struct progress {
    uint64_t sent, received;
    bool moved;
};

static bool write_next(struct socket_peer *peer, const struct socket_peer_plan *plan,
                       struct progress *progress)
{
    uint8_t data[CHUNK];
    uint64_t left = plan->send - progress->sent;
    if (left == 0 || output_size(peer) > OUTPUT_MOST)
        return true;
    size_t size = left > sizeof(data) ? sizeof(data) : (size_t)left;
    uint64_t every = plan->key_update_every;
    if (every && size > every)
        size = (size_t)every;
    if (every && progress->sent && !socket_peer_key_update(peer, true))
        return false;
    pattern_fill(data, size, progress->sent, plan->send_seed);
    ERR_clear_error();
    int put = SSL_write(peer->ssl, data, (int)size);
    if (put <= 0 && SSL_get_error(peer->ssl, put) == SSL_ERROR_WANT_READ)
        return true; /* it renegotiates */
    if (put <= 0)
        return socket_peer_fail(peer, "SSL_write failed after %llu bytes",
                                (unsigned long long)progress->sent);
    progress->sent += (uint64_t)put;
    progress->moved = true;
    return true;
}

static bool read_next(struct socket_peer *peer, const struct socket_peer_plan *plan,
                      struct progress *progress)
{
    uint8_t data[CHUNK];
    uint64_t left = plan->receive - progress->received;
    if (left == 0)
        return true;
    ERR_clear_error();
    int got = SSL_read(peer->ssl, data, left > sizeof(data) ? CHUNK : (int)left);
    if (got <= 0) {
        if (SSL_get_error(peer->ssl, got) == SSL_ERROR_WANT_READ)
            return true;
        (void)may_retry(peer, got);
        return socket_peer_fail(peer, "the stream ended after %llu bytes",
                                (unsigned long long)progress->received);
    }
    if (!pattern_matches(data, (size_t)got, progress->received, plan->receive_seed))
        return socket_peer_fail(peer, "wrong bytes from offset %llu on",
                                (unsigned long long)progress->received);
    progress->received += (uint64_t)got;
    progress->moved = true;
    return true;
}

bool socket_peer_exchange(struct socket_peer *peer, const struct socket_peer_plan *plan)
{
    struct progress progress = {0};
    for (;;) {
        progress.moved = false;
        bool all_sent = progress.sent == plan->send && output_size(peer) == 0;
        peer->deaf = plan->write_first && !all_sent;
        if (all_sent && progress.received == plan->receive)
            return true;
        if (!write_next(peer, plan, &progress))
            return false;
        if (!peer->deaf && !read_next(peer, plan, &progress))
            return false;
        if (!progress.moved && !move(peer))
            return socket_peer_fail(peer, "the stream ended with %llu sent and %llu received",
                                    (unsigned long long)progress.sent,
                                    (unsigned long long)progress.received);
    }
}

bool socket_peer_key_update(struct socket_peer *peer, bool requested)
{
    int type = requested ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    ERR_clear_error();
    if (SSL_key_update(peer->ssl, type) != 1 || SSL_do_handshake(peer->ssl) != 1)
        return socket_peer_fail(peer, "SSL_key_update failed");
    return true;
}

/* ---- Endings -------------------------------------------------------------------------------- */

bool socket_peer_send_raw(struct socket_peer *peer, const void *bytes, size_t size)
{
    check(BIO_write(SSL_get_wbio(peer->ssl), bytes, (int)size) == (int)size, "BIO_write");
    return socket_peer_flush(peer);
}

bool socket_peer_close_notify(struct socket_peer *peer)
{
    ERR_clear_error();
    if (SSL_shutdown(peer->ssl) < 0)
        return socket_peer_fail(peer, "SSL_shutdown failed");
    return socket_peer_flush(peer);
}

void socket_peer_fin(struct socket_peer *peer)
{
    if (shutdown(peer->fd, SHUT_WR) && errno != ENOTCONN)
        socket_peer_fail(peer, "shutdown: %s", strerror(errno));
}

void socket_peer_reset(struct socket_peer *peer)
{
    socket_reset(peer->fd);
    peer->fd = -1;
    if (peer->end == PEER_OPEN)
        peer->end = PEER_CUT;
}

bool socket_peer_read_to_end(struct socket_peer *peer)
{
    char scratch[CHUNK];
    int got;
    while ((got = socket_peer_read(peer, scratch, sizeof(scratch))) > 0)
        ;
    if (got != 0)
        return socket_peer_fail(peer, "no close_notify came");
    if (socket_peer_to_eof(peer) != PEER_EOF)
        return socket_peer_fail(peer, "no FIN came after close_notify");
    return true;
}

enum socket_peer_end socket_peer_to_eof(struct socket_peer *peer)
{
    char scratch[CHUNK];
    BIO *input = SSL_get_rbio(peer->ssl);
    do {
        while (BIO_read(input, scratch, sizeof(scratch)) > 0)
            ;
    } while (peer->end == PEER_OPEN && move(peer));
    return peer->end;
}

bool socket_peer_end_in_order(struct socket_peer *peer)
{
    if (!socket_peer_close_notify(peer))
        return false;
    socket_peer_fin(peer);
    return socket_peer_read_to_end(peer);
}
