/* A proxy: TLS on one side, a plain service on the other.
 *
 *     proxy CONFIGURATION.json HOST:PORT
 *
 * It takes the TLS settings of the first service of the configuration, but listens on a free port
 * of 127.0.0.1. Each connection has one thread, which waits for both sides at once. The end of one
 * direction is passed on while the other direction goes on. If one side is cut, the other one is
 * cut, too: half of the data must not look like all of it. */
#include "common/backend.h"
#include "common/threads.h"

#include <stdio.h>
#include <sys/socket.h>

/* One direction: what was read on one side and not yet written on the other. */
struct flow {
    char data[16384];
    size_t start, end;
    enum { FLOWING, ENDED, BROKEN } state; /* BROKEN: the backend takes no more */
};

struct session {
    actpass_conn *conn;
    int plain;           /* the connection to the backend */
    struct flow in, out; /* from TLS to the backend, and back */
};

/* All calls return ACTPASS_AGAIN where they would block, and -1 if they fail. */

static int64_t take(struct session *session, struct flow *flow)
{
    return flow == &session->in ? actpass_read(session->conn, flow->data, sizeof(flow->data))
                                : backend_read(session->plain, flow->data, sizeof(flow->data));
}

static int64_t give(struct session *session, struct flow *flow)
{
    const char *data = flow->data + flow->start;
    size_t size = flow->end - flow->start;
    return flow == &session->in ? backend_write(session->plain, data, size)
                                : actpass_write_some(session->conn, data, size);
}

static int pass_end_on(struct session *session, struct flow *flow)
{
    if (flow == &session->in)
        return shutdown(session->plain, SHUT_WR);
    return session->in.state == BROKEN ? -1 : actpass_shutdown_write(session->conn);
}

/* One step. An end that cannot be passed on yet is read, and so found, once more. */
static int64_t move(struct session *session, struct flow *flow)
{
    if (flow->start < flow->end) {
        int64_t given = give(session, flow);
        flow->start += given > 0 ? (size_t)given : 0;
        return given;
    }
    if (flow->state != FLOWING)
        return ACTPASS_AGAIN;
    int64_t taken = take(session, flow);
    flow->start = 0;
    flow->end = taken > 0 ? (size_t)taken : 0;
    if (taken != 0)
        return taken;
    int result = pass_end_on(session, flow);
    flow->state = result == 0 ? ENDED : FLOWING;
    return result;
}

static int64_t move_in(struct session *session)
{
    int64_t result = move(session, &session->in);
    if (result != -1 || actpass_ended(session->conn) != ACTPASS_OPEN)
        return result;
    session->in.start = session->in.end; /* what the backend sent before is still passed on */
    session->in.state = BROKEN;
    return 0;
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
    while (session->in.state == FLOWING || session->out.state == FLOWING) {
        int64_t in = move_in(session), out = move(session, &session->out);
        if (in == -1 || out == -1 ||
            (in == ACTPASS_AGAIN && out == ACTPASS_AGAIN && wait_for_both(session) < 0))
            return -1;
    }
    return 0;
}

static void serve(actpass_conn *conn)
{
    struct session session = {.conn = conn, .plain = backend_connect(actpass_user_data(conn))};
    struct pollfd unused;
    if (session.plain < 0)
        return;
    (void)actpass_set_nonblocking(conn, 1); /* fails only if it is closed, as all calls will */
    bool in_order = forward(&session) == 0;
    if (!in_order) {
        (void)actpass_prepare_wait(conn, &unused); /* sends what the backend sent before */
        actpass_fail(conn, ACTPASS_CANCELLED, "the backend cut the connection");
    }
    backend_close(session.plain, in_order);
    (void)actpass_set_nonblocking(conn, 0);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return threads_serve(argv[1], argv[2], serve);
    fprintf(stderr, "usage: proxy CONFIGURATION.json HOST:PORT\n");
    return 2;
}
