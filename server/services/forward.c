#include "server/services/forward.h"

#include "relay/clock.h"
#include "server/conn.h"
#include "server/idle.h"
#include "server/services/backend.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A direction's buffer: small until one was full, then eight records. */
enum { SMALL_BUFFER = 8192, LARGE_BUFFER = 131072 };

/* One direction: bytes that came from one side and have not gone to the other. */
struct direction {
    uint8_t *buffer;
    size_t start, end;
    bool ended;  /* the source will send no more */
    bool closed; /* and the other side was told so */
};

struct forward {
    actpass_conn *conn;
    size_t size; /* of each buffer; 0: there are none now */
    bool full;   /* one was too small for what came */
    int backend;
    struct direction in;  /* from TLS to the backend */
    struct direction out; /* from the backend to TLS */
    bool readable;        /* the backend may have bytes */
    bool writable;        /* the backend may take bytes */
    bool unflushed;       /* TLS output that no wait has sent yet */
    int backend_error;    /* its first errno: a write takes the reset away, and the next read
                             would say 0 like a clean end (hazard 18) */
};

/* What an attempt came to. FAILED: one of the sides is broken. */
enum step { STEP_NOTHING, STEP_MOVED, STEP_FAILED };

static bool is_empty(const struct direction *direction)
{
    return direction->start == direction->end;
}

static void fill(struct forward *forward, struct direction *direction, int64_t length)
{
    direction->start = 0;
    direction->end = (size_t)length;
    direction->ended = length == 0;
    forward->full = forward->full || direction->end == forward->size;
}

/* Both directions' buffers are one piece of memory, given back in a long wait. */
static void drop_buffers(struct forward *forward)
{
    free(forward->in.buffer);
    forward->in.buffer = forward->out.buffer = NULL;
    forward->size = 0;
}

static bool has_buffers(struct forward *forward)
{
    bool empty = is_empty(&forward->in) && is_empty(&forward->out);
    if (forward->full && forward->size == SMALL_BUFFER && empty) {
        drop_buffers(forward);
    }
    if (forward->size != 0) {
        return true;
    }
    size_t size = forward->full ? LARGE_BUFFER : SMALL_BUFFER;
    forward->in.buffer = malloc(2 * size);
    if (forward->in.buffer == NULL) {
        conn_fail(forward->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
        return false;
    }
    forward->out.buffer = forward->in.buffer + size;
    forward->size = size;
    return true;
}

static void on_idle(void *arg)
{
    struct forward *forward = arg;
    if (is_empty(&forward->in) && is_empty(&forward->out)) {
        drop_buffers(forward);
        forward->full = false;
    }
    idle_release();
}

/* ---- From TLS to the backend --------------------------------------------------------------- */

static enum step read_tls(struct forward *forward)
{
    int64_t length = conn_read_some(forward->conn, forward->in.buffer, forward->size);
    if (length == CONN_AGAIN) {
        return STEP_NOTHING;
    }
    if (length < 0) {
        return STEP_FAILED;
    }
    fill(forward, &forward->in, length);
    return STEP_MOVED;
}

/* The backend takes no more, but what it said before may still be there to be read. */
static enum step give_in_up(struct forward *forward, int error)
{
    forward->backend_error = error;
    forward->in = (struct direction){.buffer = forward->in.buffer, .ended = true, .closed = true};
    forward->readable = true;
    return STEP_MOVED;
}

static enum step write_backend(struct forward *forward)
{
    struct direction *in = &forward->in;
    size_t size = in->end - in->start;
    ssize_t sent = send(forward->backend, in->buffer + in->start, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
        return STEP_MOVED;
    }
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        forward->writable = false;
        return STEP_NOTHING;
    }
    if (sent < 0) {
        return give_in_up(forward, errno);
    }
    in->start += (size_t)sent;
    forward->writable = (size_t)sent == size;
    return STEP_MOVED;
}

static enum step move_in(struct forward *forward)
{
    struct direction *in = &forward->in;
    enum step step = STEP_NOTHING;
    if (is_empty(in) && !in->ended) {
        step = read_tls(forward);
    }
    if (step != STEP_FAILED && !is_empty(in) && forward->writable) {
        step = write_backend(forward);
    }
    if (step != STEP_FAILED && in->ended && is_empty(in) && !in->closed) {
        in->closed = true;
        step = shutdown(forward->backend, SHUT_WR) == 0 ? STEP_MOVED : give_in_up(forward, errno);
    }
    return step;
}

/* ---- From the backend to TLS --------------------------------------------------------------- */

static enum step read_backend(struct forward *forward)
{
    ssize_t length = recv(forward->backend, forward->out.buffer, forward->size, 0);
    if (length < 0 && errno == EINTR) {
        return STEP_MOVED;
    }
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        forward->readable = false;
        return STEP_NOTHING;
    }
    if (length < 0 && forward->backend_error == 0) {
        forward->backend_error = errno;
    }
    if (length < 0 || (length == 0 && forward->backend_error != 0)) {
        return STEP_FAILED;
    }
    fill(forward, &forward->out, length);
    forward->readable =
        (size_t)length == forward->size; /* less was all there is; poll tells of more */
    return STEP_MOVED;
}

static enum step write_tls(struct forward *forward)
{
    struct direction *out = &forward->out;
    int64_t taken = conn_write_some(forward->conn, out->buffer + out->start, out->end - out->start);
    if (taken == CONN_AGAIN) {
        return STEP_NOTHING;
    }
    if (taken < 0) {
        return STEP_FAILED;
    }
    out->start += (size_t)taken;
    forward->unflushed = true;
    return STEP_MOVED;
}

static enum step move_out(struct forward *forward)
{
    struct direction *out = &forward->out;
    enum step step = STEP_NOTHING;
    if (is_empty(out) && !out->ended && forward->readable) {
        step = read_backend(forward);
    }
    if (step != STEP_FAILED && !is_empty(out)) {
        step = write_tls(forward);
    }
    if (step != STEP_FAILED && out->ended && is_empty(out) && !out->closed) {
        out->closed = true;
        step = actpass_shutdown_write(forward->conn) == 0 ? STEP_MOVED : STEP_FAILED;
    }
    return step;
}

/* ---- Both ---------------------------------------------------------------------------------- */

/* Moves what can be moved without waiting. */
static enum step move(struct forward *forward)
{
    enum step in = move_in(forward);
    if (in == STEP_FAILED) {
        return STEP_FAILED;
    }
    enum step out = move_out(forward);
    if (out == STEP_FAILED) {
        return STEP_FAILED;
    }
    /* While only output moves it piles up in the ring and leaves in large pieces with the next
     * wait. Input that keeps coming could put that wait off for long. */
    if (in == STEP_MOVED && forward->unflushed) {
        conn_flush(forward->conn);
        forward->unflushed = false;
    }
    return in == STEP_MOVED || out == STEP_MOVED ? STEP_MOVED : STEP_NOTHING;
}

static bool wait_for_either(struct forward *forward, int64_t deadline_us)
{
    const struct direction *in = &forward->in;
    const struct direction *out = &forward->out;
    unsigned want = 0;
    int events = 0;
    if (!is_empty(in)) {
        events |= POLLOUT;
    } else if (!in->ended) {
        want |= RELAY_READABLE;
    }
    if (!is_empty(out)) {
        want |= RELAY_WRITABLE;
    } else if (!out->ended) {
        events |= POLLIN;
    }
    /* With nothing wanted it must be out of the set, or a reset would make poll spin (hazard 9). */
    struct pollfd poll_backend = {.fd = events != 0 ? forward->backend : -1,
                                  .events = (short)events};
    bool open = conn_wait(forward->conn, want, &poll_backend, 1, deadline_us);
    forward->unflushed = false;
    forward->readable =
        forward->readable || (poll_backend.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    forward->writable =
        forward->writable || (poll_backend.revents & (POLLOUT | POLLHUP | POLLERR)) != 0;
    return open;
}

/* True: both sides have said their end, in order. */
static bool run(struct forward *forward, int64_t idle_timeout_ms)
{
    int64_t deadline_us = clock_deadline_ms(idle_timeout_ms);
    bool timed = deadline_us != DEADLINE_NEVER;
    while (!forward->in.closed || !forward->out.closed) {
        enum step step = has_buffers(forward) ? move(forward) : STEP_FAILED;
        if (step == STEP_FAILED) {
            return false;
        }
        if (step == STEP_MOVED) {
            deadline_us = timed ? clock_deadline_ms(idle_timeout_ms) : DEADLINE_NEVER;
        } else if (!wait_for_either(forward, deadline_us)) {
            return false;
        }
    }
    return forward->backend_error == 0;
}

/* Cuts both sides. What the backend sent before it broke goes out first, as far as the socket takes it. */
static void cut(struct forward *forward, const struct service_job *job)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(forward->backend, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (forward->backend_error == 0) {
        return; /* the TLS side has its end already */
    }
    char why[256];
    (void)snprintf(why, sizeof(why), "the backend %s cut the connection", job->what->forward.text);
    conn_flush(forward->conn);
    conn_fail(forward->conn, ACTPASS_CANCELLED, why);
    actpass_abort(forward->conn);
}

void forward_serve(struct service_job *job)
{
    struct forward forward = {.conn = job->conn, .writable = true};
    forward.backend =
        backend_connect(job->conn, &job->what->forward, job->problem, sizeof(job->problem));
    if (forward.backend >= 0) {
        conn_on_idle(job->conn, on_idle, &forward);
        if (!run(&forward, job->idle_timeout_ms)) {
            cut(&forward, job);
        }
        conn_on_idle(job->conn, NULL, NULL);
        close(forward.backend);
    }
    drop_buffers(&forward);
}
