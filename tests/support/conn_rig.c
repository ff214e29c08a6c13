#include "tests/support/conn_rig.h"

#include "relay/clock.h"
#include "server/lib/conn_internal.h"
#include "server/lib/settings.h"
#include "tests/support/pattern.h"
#include "tests/support/resources.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LONG_MS = 10000, CHUNK = 16384 };

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "tests/support/conn_rig: %s\n", what);
    abort();
}

void conn_world_init(struct conn_world *world)
{
    world->pair = test_pair_new();
    const struct test_end *theirs = &world->pair->ends[1];
    world->theirs[0] = socket_peer_context(TLS1_2_VERSION, theirs->certificate, theirs->key);
    world->theirs[1] = socket_peer_context(TLS1_3_VERSION, theirs->certificate, theirs->key);
}

void conn_world_free(struct conn_world *world)
{
    SSL_CTX_free(world->theirs[0]);
    SSL_CTX_free(world->theirs[1]);
    test_pair_free(world->pair);
}

const actpass_role conn_roles[2] = {ACTPASS_ROLE_CLIENT, ACTPASS_ROLE_SERVER};

struct conn_rig_options conn_defaults(actpass_role role, int version, actpass_transport transport)
{
    return (struct conn_rig_options){.role = role,
                                     .transport = transport,
                                     .initial_data_ms = LONG_MS,
                                     .handshake_ms = LONG_MS,
                                     .idle_ms = LONG_MS,
                                     .write_ms = LONG_MS,
                                     .close_ms = LONG_MS / 2,
                                     .version = version,
                                     .peer = {.server = role == ACTPASS_ROLE_CLIENT}};
}

actpass_config *conn_config(const struct conn_world *world, const struct conn_rig_options *options)
{
    const struct test_end *ours = &world->pair->ends[0];
    actpass_config *config = actpass_config_new();
    check(config, "out of memory");
    int failed = actpass_config_set_role(config, options->role) |
                 actpass_config_set_transport(config, options->transport) |
                 actpass_config_set_identity(config, ours->certificate, ours->key) |
                 actpass_config_set_ca(config, world->pair->ca) |
                 actpass_config_add_peer_name(config, world->pair->ends[1].name);
    const struct {
        actpass_timeout which;
        int64_t ms;
    } timeouts[] = {{ACTPASS_INITIAL_DATA_TIMEOUT, options->initial_data_ms},
                    {ACTPASS_HANDSHAKE_TIMEOUT, options->handshake_ms},
                    {ACTPASS_IDLE_TIMEOUT, options->idle_ms},
                    {ACTPASS_WRITE_TIMEOUT, options->write_ms},
                    {ACTPASS_CLOSE_TIMEOUT, options->close_ms}};
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++)
        failed |= actpass_config_set_timeout(config, timeouts[i].which, timeouts[i].ms);
    /* The peer's certificate is a matter of the test's, whichever role we get. */
    failed |= actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_NONE);
    if (options->client_auth)
        failed |= actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE);
    if (options->on_demand)
        failed |= actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_ON_DEMAND);
    failed |= actpass_config_set_nonblocking(config, options->loop != LOOP_NONE);
    failed |= actpass_on_event(config, options->on_event, options->on_event_arg);
    check(!failed, actpass_config_error(config));
    config->relay.inbound_size = config->relay.outbound_size = options->ring;
    config->relay.hooks = driver_hooks(options->driver, options->io_cap);
    return config;
}

void conn_rig_init(struct conn_rig *rig, const struct conn_world *world,
                   const struct conn_rig_options *options,
                   void (*script)(struct socket_peer *peer, void *arg), void *arg)
{
    int fds[2];
    *rig =
        (struct conn_rig){.config = options->config ? options->config : conn_config(world, options),
                          .shared = options->config,
                          .loop = options->loop,
                          .epoll = -1};
    (options->unix_sockets ? sockets_unix : sockets_tcp)(fds);
    rig->fd = fds[0];
    rig->conn = actpass_accept_fd(rig->config, rig->fd);
    check(rig->conn, actpass_config_error(rig->config));
    rig->peer = socket_peer_new(fds[1], world->theirs[options->version], &options->peer);
    socket_peer_start(rig->peer, script, arg);
}

void conn_rig_free(struct conn_rig *rig)
{
    actpass_free(rig->conn);
    if (rig->epoll >= 0)
        check(close(rig->epoll) == 0, "close");
    if (!rig->shared)
        actpass_config_free(rig->config);
    socket_peer_free(rig->peer);
}

/* Reader and writer may fail at once. */
static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;

__attribute__((format(printf, 2, 3))) static bool fail(struct conn_rig *rig, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    check(pthread_mutex_lock(&failing) == 0, "pthread_mutex_lock");
    if (!rig->failure[0])
        vsnprintf(rig->failure, sizeof(rig->failure), format, arguments);
    check(pthread_mutex_unlock(&failing) == 0, "pthread_mutex_unlock");
    va_end(arguments);
    return false;
}

const char *conn_rig_says(struct conn_rig *rig)
{
    static _Thread_local char text[1024];
    socket_peer_join(rig->peer);
    snprintf(text, sizeof(text), "%s, %s [%s], peer: end %d, %s", rig->failure,
             actpass_end_name(actpass_ended(rig->conn)), actpass_error(rig->conn), rig->peer->end,
             rig->peer->failure);
    return text;
}

/* ---- The calls, in a loop -------------------------------------------------------------------- */

/* The descriptor is added once, with all events. */
static void wait_for_edges(struct conn_rig *rig, int fd, int timeout)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    if (rig->epoll < 0 && fd >= 0) {
        rig->epoll = epoll_create1(EPOLL_CLOEXEC);
        check(rig->epoll >= 0 && epoll_ctl(rig->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
    }
    int ready =
        rig->epoll < 0 ? poll(NULL, 0, timeout) : epoll_wait(rig->epoll, &event, 1, timeout);
    if (ready > 0)
        actpass_note_events(rig->conn, (short)event.events); /* the values are those of poll */
}

static void wait_once(struct conn_rig *rig)
{
    struct pollfd socket;
    if (rig->loop == LOOP_TOLD) {
        check(actpass_wait(rig->conn, NULL, 0, -1) == 1, "actpass_wait");
        return;
    }
    int timeout = actpass_prepare_wait(rig->conn, &socket);
    if (rig->loop == LOOP_EDGES)
        wait_for_edges(rig, socket.fd, timeout);
    else
        (void)poll(&socket, 1, timeout);
}

int loop_handshake(struct conn_rig *rig)
{
    int result = actpass_handshake(rig->conn);
    while (result == ACTPASS_AGAIN) {
        wait_once(rig);
        result = actpass_handshake(rig->conn);
    }
    return result;
}

int64_t loop_read(struct conn_rig *rig, void *buffer, size_t size)
{
    int64_t got = actpass_read(rig->conn, buffer, size);
    while (got == ACTPASS_AGAIN) {
        wait_once(rig);
        got = actpass_read(rig->conn, buffer, size);
    }
    return got;
}

int loop_write(struct conn_rig *rig, const void *data, size_t size)
{
    const char *next = data;
    if (rig->loop == LOOP_NONE)
        return actpass_write(rig->conn, data, size);
    int64_t put = 0;
    do {
        put = actpass_write_some(rig->conn, next, size);
        if (put == ACTPASS_AGAIN)
            wait_once(rig);
        if (put > 0) {
            next += put;
            size -= (size_t)put;
        }
    } while (size > 0 && put != -1);
    struct pollfd ignored;
    (void)actpass_prepare_wait(rig->conn, &ignored); /* the test may not wait again */
    return put == -1 ? -1 : 0;
}

int loop_shutdown_write(struct conn_rig *rig)
{
    int result = actpass_shutdown_write(rig->conn);
    while (result == ACTPASS_AGAIN) {
        wait_once(rig);
        result = actpass_shutdown_write(rig->conn);
    }
    return result;
}

actpass_end loop_close(struct conn_rig *rig)
{
    actpass_end end = actpass_close(rig->conn);
    while (end == ACTPASS_OPEN) {
        wait_once(rig);
        end = actpass_close(rig->conn);
    }
    return end;
}

/* ---- Moving data ----------------------------------------------------------------------------- */

bool conn_rig_read(struct conn_rig *rig, uint64_t size, unsigned seed)
{
    uint8_t data[CHUNK * 4];
    for (uint64_t have = 0; have < size;) {
        size_t room = size - have < sizeof(data) ? (size_t)(size - have) : sizeof(data);
        int64_t got = loop_read(rig, data, room);
        if (got <= 0)
            return fail(rig, "read: %lld after %llu bytes", (long long)got,
                        (unsigned long long)have);
        if (!pattern_matches(data, (size_t)got, have, seed))
            return fail(rig, "wrong bytes from offset %llu on", (unsigned long long)have);
        have += (uint64_t)got;
    }
    return true;
}

bool conn_rig_write(struct conn_rig *rig, uint64_t size, unsigned seed, size_t piece)
{
    uint8_t *data = malloc(piece);
    check(data, "out of memory");
    bool good = true;
    for (uint64_t done = 0; good && done < size;) {
        size_t some = size - done < piece ? (size_t)(size - done) : piece;
        pattern_fill(data, some, done, seed);
        good = loop_write(rig, data, some) == 0 ||
               fail(rig, "write failed after %llu bytes", (unsigned long long)done);
        done += some;
    }
    free(data);
    return good;
}

struct writer {
    struct conn_rig *rig;
    const struct socket_peer_plan *plan;
    bool good;
};

static void *write_in_thread(void *arg)
{
    struct writer *writer = arg;
    writer->good = conn_rig_write(writer->rig, writer->plan->send, writer->plan->send_seed, 100000);
    return NULL;
}

bool conn_rig_exchange(struct conn_rig *rig, const struct socket_peer_plan *plan)
{
    pthread_t thread;
    if (rig->loop != LOOP_NONE)
        return conn_rig_exchange_at_once(rig, plan);
    struct writer writer = {.rig = rig, .plan = plan};
    check(pthread_create(&thread, NULL, write_in_thread, &writer) == 0, "pthread_create");
    bool good = conn_rig_read(rig, plan->receive, plan->receive_seed);
    if (!good)
        actpass_abort(rig->conn);
    check(pthread_join(thread, NULL) == 0, "pthread_join");
    return good && writer.good;
}

static bool write_some(struct conn_rig *rig, const struct socket_peer_plan *plan, uint64_t *sent)
{
    uint8_t data[CHUNK * 2];
    uint64_t left = plan->send - *sent;
    size_t size = left < sizeof(data) ? (size_t)left : sizeof(data);
    if (size == 0)
        return true;
    pattern_fill(data, size, *sent, plan->send_seed);
    int64_t put = rig->loop == LOOP_NONE ? conn_write_some(rig->conn, data, size)
                                         : actpass_write_some(rig->conn, data, size);
    if (put == -1)
        return fail(rig, "write failed after %llu bytes", (unsigned long long)*sent);
    *sent += put > 0 ? (uint64_t)put : 0;
    return true;
}

static bool read_some(struct conn_rig *rig, const struct socket_peer_plan *plan, uint64_t *received)
{
    uint8_t data[CHUNK];
    uint64_t left = plan->receive - *received;
    if (left == 0)
        return true;
    size_t room = left < sizeof(data) ? (size_t)left : sizeof(data);
    int64_t got = rig->loop == LOOP_NONE ? conn_read_some(rig->conn, data, room)
                                         : actpass_read(rig->conn, data, room);
    if (got == CONN_AGAIN)
        return true;
    if (got <= 0)
        return fail(rig, "read: %lld after %llu bytes", (long long)got,
                    (unsigned long long)*received);
    if (!pattern_matches(data, (size_t)got, *received, plan->receive_seed))
        return fail(rig, "wrong bytes from offset %llu on", (unsigned long long)*received);
    *received += (uint64_t)got;
    return true;
}

bool conn_rig_exchange_at_once(struct conn_rig *rig, const struct socket_peer_plan *plan)
{
    uint64_t sent = 0, received = 0;
    bool good = true;
    if (rig->loop == LOOP_NONE)
        conn_enter(rig->conn);
    while (good && (sent < plan->send || received < plan->receive)) {
        uint64_t before = sent + received;
        good = write_some(rig, plan, &sent) && read_some(rig, plan, &received);
        unsigned want = (received < plan->receive ? RELAY_READABLE : 0U) |
                        (sent < plan->send ? RELAY_WRITABLE : 0U);
        if (good && sent + received == before && rig->loop != LOOP_NONE)
            wait_once(rig);
        else if (good && sent + received == before)
            good = conn_wait_until(rig->conn, CONN_READER, want, clock_deadline_ms(LONG_MS)) ==
                       WAIT_READY ||
                   fail(rig, "the wait ended with %llu sent, %llu received",
                        (unsigned long long)sent, (unsigned long long)received);
    }
    conn_flush(rig->conn);
    if (rig->loop == LOOP_NONE)
        conn_leave(rig->conn);
    return good;
}

bool conn_rig_end_in_order(struct conn_rig *rig)
{
    char scratch[100];
    int64_t got = loop_read(rig, scratch, sizeof(scratch));
    if (got != 0)
        return fail(rig, "%lld instead of close_notify", (long long)got);
    actpass_end end = loop_close(rig);
    return end == ACTPASS_CLEAN || fail(rig, "it ended with %s", actpass_end_name(end));
}

/* ---- Scripts --------------------------------------------------------------------------------- */

void peer_does_nothing(struct socket_peer *peer, void *arg)
{
    (void)peer;
    (void)arg;
}

void peer_shakes_hands(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (!socket_peer_handshake(peer))
        socket_peer_fin(peer);
}

void peer_shakes_hands_and_ends(struct socket_peer *peer, void *arg)
{
    (void)arg;
    if (socket_peer_handshake(peer))
        (void)socket_peer_end_in_order(peer);
    else
        socket_peer_fin(peer);
}

void peer_echoes(struct socket_peer *peer, void *arg)
{
    char data[CHUNK];
    int got;
    (void)arg;
    if (!socket_peer_handshake(peer))
        return;
    while ((got = socket_peer_read(peer, data, sizeof(data))) > 0)
        if (!socket_peer_write(peer, data, (size_t)got))
            return;
    if (got == 0)
        (void)socket_peer_end_in_order(peer);
}
