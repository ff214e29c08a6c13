/* A proxy: TLS on one side, a plain service on the other.
 *
 *     proxy CONFIGURATION.json HOST:PORT
 *
 * It takes the TLS settings of the first service of the configuration, but listens on a free port
 * of 127.0.0.1. Each connection has one thread, which waits for both sides at once. The end of one
 * direction is passed on while the other direction goes on. If one side is cut, the other one is
 * cut, too: half of the data must not look like all of it. */
#include "common/backend.h"
#include "common/loopback.h"

#include <actpass.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One direction: what was read on one side and not yet written on the other. */
struct flow {
    char data[16384];
    size_t start, end;
    enum { FLOWING, ENDED, CLOSED } state; /* CLOSED: the other side knows of the end */
};

struct session {
    unsigned long number;
    const char *backend;
    actpass_conn *conn;
    int plain;           /* the connection to the backend */
    int broken;          /* the backend takes no more, but what it sent before is passed on */
    struct flow in, out; /* from TLS to the backend, and back */
};

/* ---- Moving bytes. Each call returns ACTPASS_AGAIN where it would block, and -1 if it fails. ---
 */

static int64_t plain_result(ssize_t result)
{
    return result >= 0 ? result : errno == EAGAIN || errno == EINTR ? ACTPASS_AGAIN : -1;
}

static int64_t take(struct session *session, struct flow *flow)
{
    size_t size = sizeof(flow->data);
    int64_t length = flow == &session->in
                         ? actpass_read(session->conn, flow->data, size)
                         : plain_result(recv(session->plain, flow->data, size, MSG_DONTWAIT));
    flow->start = 0;
    flow->end = length > 0 ? (size_t)length : 0;
    if (length == 0)
        flow->state = ENDED;
    return length;
}

static int64_t give(struct session *session, struct flow *flow)
{
    const char *data = flow->data + flow->start;
    size_t size = flow->end - flow->start;
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    int64_t length = flow == &session->out ? actpass_write_some(session->conn, data, size)
                                           : plain_result(send(session->plain, data, size, flags));
    flow->start += length > 0 ? (size_t)length : 0;
    return length;
}

static int64_t pass_end_on(struct session *session, struct flow *flow)
{
    if (flow == &session->out && session->broken)
        return -1;
    int64_t result = flow == &session->out ? actpass_shutdown_write(session->conn)
                                           : shutdown(session->plain, SHUT_WR);
    if (result == 0)
        flow->state = CLOSED;
    return result;
}

static int64_t move(struct session *session, struct flow *flow)
{
    if (flow->start < flow->end)
        return give(session, flow);
    if (flow->state == FLOWING)
        return take(session, flow);
    return flow->state == ENDED ? pass_end_on(session, flow) : ACTPASS_AGAIN;
}

static int wait_for_both(struct session *session)
{
    int write = session->in.start < session->in.end;
    int read = session->out.start == session->out.end && session->out.state == FLOWING;
    struct pollfd plain = {.fd = write || read ? session->plain : -1,
                           .events = (short)((write ? POLLOUT : 0) | (read ? POLLIN : 0))};
    return actpass_wait(session->conn, &plain, 1, -1);
}

/* Returns 0 once both directions have ended in order, and -1 if a side was cut. */
static int forward(struct session *session)
{
    struct flow *in = &session->in;
    while (in->state != CLOSED || session->out.state != CLOSED) {
        int64_t moved_in = move(session, in);
        if (moved_in == -1 && actpass_ended(session->conn) == ACTPASS_OPEN) { /* by the backend */
            session->broken = 1;
            in->start = in->end;
            in->state = CLOSED;
            continue;
        }
        int64_t moved_out = move(session, &session->out);
        if (moved_in == -1 || moved_out == -1)
            return -1;
        if (moved_in == ACTPASS_AGAIN && moved_out == ACTPASS_AGAIN && wait_for_both(session) < 0)
            return -1;
    }
    return 0;
}

/* ---- One connection ----------------------------------------------------------------------- */

static void cut(struct session *session)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct pollfd unused;
    (void)setsockopt(session->plain, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)actpass_prepare_wait(session->conn, &unused); /* sends what the backend sent before */
    actpass_fail(session->conn, ACTPASS_CANCELLED, "the backend cut the connection");
}

static void serve(struct session *session)
{
    session->plain = backend_connect(session->backend);
    if (session->plain < 0) {
        printf("event=backend conn=%lu error=\"cannot connect to %s\"\n", session->number,
               session->backend);
        return;
    }
    (void)actpass_set_nonblocking(session->conn, 1);
    if (forward(session) != 0)
        cut(session);
    (void)actpass_set_nonblocking(session->conn, 0);
    close(session->plain);
}

static void *run(void *arg)
{
    struct session *session = arg;
    actpass_info_t info;
    int shook_hands = actpass_handshake(session->conn) == 0;
    actpass_info(session->conn, &info);
    printf("event=role conn=%lu role=%s cause=%s after_ms=%lld peer=%s\n", session->number,
           actpass_role_name(info.role), actpass_cause_name(info.cause),
           (long long)info.decided_us / 1000, info.peer_address);
    if (shook_hands)
        serve(session);
    actpass_end end = actpass_close(session->conn);
    actpass_info(session->conn, &info);
    printf("event=close conn=%lu reason=%s rx=%llu tx=%llu\n", session->number,
           actpass_end_name(end), (unsigned long long)info.received, (unsigned long long)info.sent);
    actpass_free(session->conn);
    free(session);
    return NULL;
}

/* Returns only when the configuration turns out to be unusable, or memory has run out. */
static void accept_all(actpass_config *config, int listener, const char *backend)
{
    for (unsigned long number = 1;; number++) {
        pthread_t thread;
        /* actpass_accept_fd takes the socket, even if it fails. */
        actpass_conn *conn = actpass_accept_fd(config, loopback_accept(listener));
        struct session *session = conn ? calloc(1, sizeof(*session)) : NULL;
        if (!session) {
            fprintf(stderr, "proxy: %s\n", conn ? "out of memory" : actpass_config_error(config));
            actpass_free(conn);
            return;
        }
        session->number = number;
        session->backend = backend;
        session->conn = conn;
        if (pthread_create(&thread, NULL, run, session) == 0) {
            pthread_detach(thread);
        } else {
            actpass_free(conn);
            free(session);
        }
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 3) {
        fprintf(stderr, "usage: proxy CONFIGURATION.json HOST:PORT\n");
        return 2;
    }
    actpass_config *config = actpass_config_new();
    int listener = -1;
    if (!config || actpass_config_load(config, argv[1], NULL) != 0)
        fprintf(stderr, "proxy: %s\n", config ? actpass_config_error(config) : "out of memory");
    else
        listener = loopback_listen(0);
    if (listener >= 0) {
        accept_all(config, listener, argv[2]);
        close(listener);
    }
    actpass_config_free(config);
    return 2;
}
