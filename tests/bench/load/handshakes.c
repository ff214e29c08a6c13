/* Many handshakes, some at once, full or resumed, on one epoll.
 *
 * Each connection goes the whole way: TCP, TLS, one byte to the backend and back (so that the
 * server has finished its handshake and dialed the backend), close_notify, FIN, and the server's
 * end. What the server spends on a connection is thus spent before the next one takes its place. */
#include "load.h"

#include "../common/client.h"
#include "../common/times.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STALL_MS = 10000, RESUME_TRIAL = 20 };
enum step { STEP_HANDSHAKE, STEP_ASK, STEP_ANSWER, STEP_END };

struct slot {
    int fd;
    SSL *ssl;
    enum step step;
    bool failed;
};

struct run {
    const struct load_options *options;
    SSL_CTX *context;
    SSL_SESSION *session; /* the newest ticket */
    int epoll;
    uint64_t started, done, failed, reused;
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct run *run = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(run->session);
    run->session = session;
    return 1; /* the reference is ours now */
}

/* Offers a copy of the newest ticket: OpenSSL's client takes one that was used out of use. */
static void offer_session(const struct run *run, SSL *ssl)
{
    SSL_SESSION *copy = SSL_SESSION_dup(run->session);
    if (!copy || !SSL_set_session(ssl, copy))
        fail("session", NULL);
    SSL_SESSION_free(copy);
}

static void start(struct run *run, struct slot *slot)
{
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = slot}};
    slot->fd = client_dial(run->options->port, false);
    slot->ssl = client_attach(run->context, slot->fd);
    slot->step = STEP_HANDSHAKE;
    slot->failed = false;
    if (run->options->resume && run->session)
        offer_session(run, slot->ssl);
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, slot->fd, &event))
        fail("epoll", NULL);
    run->started++;
}

static void finish(struct run *run, struct slot *slot)
{
    run->done++;
    run->failed += slot->failed;
    run->reused += SSL_session_reused(slot->ssl) != 0;
    SSL_free(slot->ssl);
    close(slot->fd);
    slot->ssl = NULL;
}

/* After an SSL call that did not succeed: false to wait for the socket. */
static bool gave_up(struct slot *slot, int result)
{
    int error = SSL_get_error(slot->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return false;
    ERR_clear_error();
    slot->failed = true;
    return true;
}

static void say_goodbye(struct slot *slot)
{
    SSL_shutdown(slot->ssl);
    shutdown(slot->fd, SHUT_WR);
    slot->step = STEP_END;
}

static bool ended(struct slot *slot)
{
    char rest[4096];
    ssize_t got;
    while ((got = recv(slot->fd, rest, sizeof(rest), 0)) > 0) {
    }
    return got == 0 || errno != EAGAIN;
}

/* Advances the connection as far as possible without waiting. True if it has ended. */
static bool advance(struct slot *slot, bool bare)
{
    unsigned char ask[REQUEST_SIZE + 1] = "";
    int result;
    ERR_clear_error();
    if (slot->step == STEP_HANDSHAKE) {
        if ((result = SSL_connect(slot->ssl)) != 1)
            return gave_up(slot, result);
        slot->step = STEP_ASK;
        if (bare)
            say_goodbye(slot);
    }
    if (slot->step == STEP_ASK) {
        request_write(ask, REQUEST_ECHO, 0);
        if ((result = SSL_write(slot->ssl, ask, sizeof(ask))) <= 0)
            return gave_up(slot, result);
        slot->step = STEP_ANSWER;
    }
    if (slot->step == STEP_ANSWER) {
        if ((result = SSL_read(slot->ssl, ask, 1)) <= 0)
            return gave_up(slot, result);
        say_goodbye(slot);
    }
    return ended(slot);
}

/* Does the server not resume at all? Then there is nothing to measure. */
static bool pointless(const struct run *run)
{
    return run->options->resume && run->done >= RESUME_TRIAL && run->reused == 0;
}

static void serve_all(struct run *run, struct slot *slots)
{
    uint64_t places = run->options->concurrency;
    for (uint64_t i = 0; i < places && run->started < run->options->count; i++)
        start(run, &slots[i]);
    while (run->done < run->started) {
        struct epoll_event events[64];
        int count = epoll_wait(run->epoll, events, 64, STALL_MS);
        if (count <= 0)
            fail("connections stall, epoll_wait", NULL);
        for (int i = 0; i < count; i++) {
            struct slot *slot = events[i].data.ptr;
            if (!slot->ssl || !advance(slot, run->options->bare))
                continue;
            finish(run, slot);
            if (run->started < run->options->count && !pointless(run))
                start(run, slot);
        }
    }
}

/* One connection whose tickets the others use. */
static void get_ticket(struct run *run)
{
    char byte = 'x';
    SSL *ssl = client_open(run->context, run->options->port);
    client_request(ssl, REQUEST_ECHO, 0);
    client_write(ssl, &byte, 1);
    client_read(ssl, &byte, 1);
    client_close(ssl);
}

void load_handshakes(const struct load_options *options)
{
    struct run run = {.options = options, .context = client_context()};
    struct slot *slots = calloc(options->concurrency, sizeof(*slots));
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!slots || run.epoll < 0)
        fail("start", NULL);
    if (options->resume) {
        SSL_CTX_set_app_data(run.context, &run);
        SSL_CTX_set_session_cache_mode(run.context,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(run.context, keep_session);
        get_ticket(&run);
    }
    double begin = now();
    serve_all(&run, slots);
    printf("{\"count\": %lu, \"failed\": %lu, \"reused\": %lu, \"seconds\": %.6f}\n", run.done,
           run.failed, run.reused, now() - begin);
    SSL_SESSION_free(run.session);
    SSL_CTX_free(run.context);
    free(slots);
    close(run.epoll);
}
