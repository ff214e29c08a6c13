#include "server/daemon/handlers/duplex.h"

#include "relay/clock.h"
#include "server/lib/base/error.h"
#include "server/lib/conn.h"
#include "server/lib/idle.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The size of a buffer: small until a buffer was full, then eight records. */
enum { SMALL_BUFFER = 8192, LARGE_BUFFER = 65536 };

/* One direction: bytes that were read from one side and not yet written to the other. */
struct direction {
    uint8_t *buffer;
    size_t start, end;
    bool ended;  /* the source will send no more */
    bool closed; /* and the end was passed on to the other side */
};

struct duplex {
    actpass_conn *conn;
    size_t size; /* of each buffer; 0: there are no buffers now */
    bool full;   /* a buffer was full */
    int plain;
    struct direction in;  /* from TLS to the plain side */
    struct direction out; /* from the plain side to TLS */
    bool readable;        /* the plain side may have bytes */
    bool writable;        /* the plain side may take bytes */
    bool unflushed;       /* TLS output that waits in the ring */
    int plain_error; /* its first errno: a failed write consumes a reset, and the next read returns
                        0 as at a clean end (hazard 18) */
};

/* The result of an attempt. FAILED: one of the sides has failed. */
enum step { STEP_NOTHING, STEP_MOVED, STEP_FAILED };

static bool is_empty(const struct direction *direction)
{
    return direction->start == direction->end;
}

static void fill(struct duplex *duplex, struct direction *direction, int64_t length)
{
    direction->start = 0;
    direction->end = (size_t)length;
    direction->ended = length == 0;
    duplex->full = duplex->full || direction->end == duplex->size;
}

/* The buffers of both directions are one allocation, which is freed during a long wait. */
static void drop_buffers(struct duplex *duplex)
{
    free(duplex->in.buffer);
    duplex->in.buffer = duplex->out.buffer = NULL;
    duplex->size = 0;
}

/* Makes the buffers if there are none, and large ones once small ones were full. False: out of
 * memory, which is the close reason. */
static bool make_buffers(struct duplex *duplex)
{
    bool empty = is_empty(&duplex->in) && is_empty(&duplex->out);
    if (duplex->full && duplex->size == SMALL_BUFFER && empty)
        drop_buffers(duplex);
    if (duplex->size != 0)
        return true;
    size_t size = duplex->full ? LARGE_BUFFER : SMALL_BUFFER;
    duplex->in.buffer = malloc(2 * size);
    if (!duplex->in.buffer) {
        conn_fail(duplex->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
        return false;
    }
    duplex->out.buffer = duplex->in.buffer + size;
    duplex->size = size;
    return true;
}

static void on_idle(void *arg)
{
    struct duplex *duplex = arg;
    if (is_empty(&duplex->in) && is_empty(&duplex->out)) {
        drop_buffers(duplex);
        duplex->full = false;
    }
    idle_release();
}

/* ---- From TLS to the plain side --------------------------------------------------------- */

static enum step read_tls(struct duplex *duplex)
{
    int64_t length = conn_read_some(duplex->conn, duplex->in.buffer, duplex->size);
    if (length == CONN_AGAIN)
        return STEP_NOTHING;
    if (length < 0)
        return STEP_FAILED;
    fill(duplex, &duplex->in, length);
    return STEP_MOVED;
}

/* The plain side takes no more, but bytes that it sent before may still be there to read. */
static enum step give_in_up(struct duplex *duplex, int error)
{
    duplex->plain_error = error;
    duplex->in = (struct direction){.buffer = duplex->in.buffer, .ended = true, .closed = true};
    duplex->readable = true;
    return STEP_MOVED;
}

static enum step write_plain(struct duplex *duplex)
{
    struct direction *in = &duplex->in;
    size_t size = in->end - in->start;
    ssize_t sent = send(duplex->plain, in->buffer + in->start, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
        return STEP_MOVED;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        duplex->writable = false;
        return STEP_NOTHING;
    }
    if (sent < 0)
        return give_in_up(duplex, errno);
    in->start += (size_t)sent;
    duplex->writable = (size_t)sent == size;
    return STEP_MOVED;
}

static enum step move_in(struct duplex *duplex)
{
    struct direction *in = &duplex->in;
    enum step step = STEP_NOTHING;
    if (is_empty(in) && !in->ended)
        step = read_tls(duplex);
    if (step != STEP_FAILED && !is_empty(in) && duplex->writable)
        step = write_plain(duplex);
    if (step != STEP_FAILED && in->ended && is_empty(in) && !in->closed) {
        in->closed = true;
        step = shutdown(duplex->plain, SHUT_WR) == 0 ? STEP_MOVED : give_in_up(duplex, errno);
    }
    return step;
}

/* ---- From the plain side to TLS --------------------------------------------------------- */

static enum step read_plain(struct duplex *duplex)
{
    ssize_t length = recv(duplex->plain, duplex->out.buffer, duplex->size, 0);
    if (length < 0 && errno == EINTR)
        return STEP_MOVED;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        duplex->readable = false;
        return STEP_NOTHING;
    }
    if (length < 0 && duplex->plain_error == 0)
        duplex->plain_error = errno;
    if (length < 0 || (length == 0 && duplex->plain_error != 0))
        return STEP_FAILED;
    fill(duplex, &duplex->out, length);
    duplex->readable =
        (size_t)length == duplex->size; /* a short read was all there is; poll reports more */
    return STEP_MOVED;
}

static enum step write_tls(struct duplex *duplex)
{
    struct direction *out = &duplex->out;
    int64_t taken = conn_write_some(duplex->conn, out->buffer + out->start, out->end - out->start);
    if (taken == CONN_AGAIN)
        return STEP_NOTHING;
    if (taken < 0)
        return STEP_FAILED;
    out->start += (size_t)taken;
    duplex->unflushed = true;
    return STEP_MOVED;
}

static enum step move_out(struct duplex *duplex)
{
    struct direction *out = &duplex->out;
    enum step step = STEP_NOTHING;
    if (is_empty(out) && !out->ended && duplex->readable)
        step = read_plain(duplex);
    if (step != STEP_FAILED && !is_empty(out))
        step = write_tls(duplex);
    if (step != STEP_FAILED && out->ended && is_empty(out) && !out->closed) {
        out->closed = true;
        step = actpass_shutdown_write(duplex->conn) == 0 ? STEP_MOVED : STEP_FAILED;
    }
    return step;
}

/* ---- Both ---------------------------------------------------------------------------------- */

/* Moves what can be moved without waiting. */
static enum step move(struct duplex *duplex)
{
    enum step in = move_in(duplex);
    if (in == STEP_FAILED)
        return STEP_FAILED;
    enum step out = move_out(duplex);
    if (out == STEP_FAILED)
        return STEP_FAILED;
    /* While only output moves, it collects in the ring and is sent in large pieces by the next
     * wait. Input that keeps coming could delay that wait for long. */
    if (in == STEP_MOVED && duplex->unflushed) {
        conn_flush(duplex->conn);
        duplex->unflushed = false;
    }
    return in == STEP_MOVED || out == STEP_MOVED ? STEP_MOVED : STEP_NOTHING;
}

static bool wait_for_either(struct duplex *duplex, int64_t deadline_us)
{
    const struct direction *in = &duplex->in;
    const struct direction *out = &duplex->out;
    unsigned want = 0;
    int events = 0;
    if (!is_empty(in))
        events |= POLLOUT;
    else if (!in->ended)
        want |= RELAY_READABLE;
    if (!is_empty(out))
        want |= RELAY_WRITABLE;
    else if (!out->ended)
        events |= POLLIN;
    /* If no event is wanted, the descriptor must not be in the set, or a reset would make poll spin
     * (hazard 9). */
    struct pollfd poll_plain = {.fd = events != 0 ? duplex->plain : -1, .events = (short)events};
    bool open = conn_wait(duplex->conn, want, &poll_plain, 1, deadline_us);
    duplex->unflushed = false;
    duplex->readable = duplex->readable || (poll_plain.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    duplex->writable =
        duplex->writable || (poll_plain.revents & (POLLOUT | POLLHUP | POLLERR)) != 0;
    return open;
}

/* True: both sides have closed in order. */
static bool run(struct duplex *duplex, int64_t idle_timeout_ms)
{
    int64_t deadline_us = clock_deadline_ms(idle_timeout_ms);
    bool timed = deadline_us != DEADLINE_NEVER;
    while (!duplex->in.closed || !duplex->out.closed) {
        enum step step = make_buffers(duplex) ? move(duplex) : STEP_FAILED;
        if (step == STEP_FAILED)
            return false;
        if (step == STEP_MOVED)
            deadline_us = timed ? clock_deadline_ms(idle_timeout_ms) : DEADLINE_NEVER;
        else if (!wait_for_either(duplex, deadline_us))
            return false;
    }
    return duplex->plain_error == 0;
}

/* Ends both sides abruptly. Bytes that the plain side sent before it failed are sent first, as far
 * as the socket takes them. */
static void cut(struct duplex *duplex, const char *name)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(duplex->plain, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (duplex->plain_error == 0)
        return; /* the TLS side has its close reason already */
    struct error_text why;
    (void)error_set(&why, "%s cut the connection", name);
    conn_flush(duplex->conn);
    conn_fail(duplex->conn, ACTPASS_CANCELLED, why.text);
    actpass_abort(duplex->conn);
}

bool duplex_run(actpass_conn *conn, int fd, int64_t idle_timeout_ms, const char *name)
{
    struct duplex duplex = {.conn = conn, .plain = fd, .writable = true};
    conn_on_idle(conn, on_idle, &duplex);
    bool ended = run(&duplex, idle_timeout_ms);
    if (!ended)
        cut(&duplex, name);
    conn_on_idle(conn, NULL, NULL);
    drop_buffers(&duplex);
    return ended;
}
