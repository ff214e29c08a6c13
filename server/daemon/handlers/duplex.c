#include "server/daemon/handlers/duplex.h"

#include "relay/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The size of a buffer: small until a buffer was full, then eight records. */
enum { SMALL_BUFFER = DUPLEX_EARLY_MAX, LARGE_BUFFER = 65536 };

/* What one step moves at most, so that other connections have their turn. */
enum { STEP_ROUNDS = 64, STEP_BYTES = 1 << 20 };

enum { POLL_GONE = POLLRDHUP | POLLHUP | POLLERR };

/* How long the status of a program is waited for that has closed its descriptors. */
enum { EXIT_MS = 1000 };

/* One direction: bytes that were read from one side and not yet written to the other. */
struct direction {
    uint8_t *buffer;
    size_t start, end;
    bool ended;  /* the source will send no more */
    bool closed; /* and the end was passed on to the other side */
};

struct duplex {
    actpass_conn *conn;
    size_t size;   /* of each buffer; 0: there are no buffers now */
    bool borrowed; /* they are on the stack of the thread that runs the step */
    bool full;     /* a buffer was full */
    bool used;     /* the peer has sent data */
    int plain;
    struct direction in;  /* from TLS to the plain side */
    struct direction out; /* from the plain side to TLS */
    bool dry;             /* TLS had nothing to read, and nothing has come since */
    bool readable;        /* the plain side may have bytes */
    bool writable;        /* the plain side may take bytes */
    bool gone;            /* it has hung up: the end behind its last bytes has no event */
    bool urgent;          /* it has sent urgent data: a read ends before that, and not after it */
    bool unflushed;       /* TLS output that waits in the ring */
    int plain_error; /* its first errno: a failed write consumes a reset, and the next read returns
                        0 as at a clean end (hazard 18) */
    size_t read;     /* bytes, in this step */
    int64_t deadline_us; /* of the idle timeout */
    const char *name, *address;
    struct duplex_link *link;       /* NULL: PLAIN is no end of a socketpair */
    struct duplex_program *program; /* NULL: no program is at its other end */
    int64_t exit_us; /* until when its status is waited for, after it has closed; 0: it has not */
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
    duplex->read += (size_t)length;
}

/* The buffers of both directions are one piece of memory. */
static void use_buffers(struct duplex *duplex, uint8_t *memory, size_t size)
{
    duplex->in.buffer = memory;
    duplex->out.buffer = memory ? memory + size : NULL;
    duplex->size = size;
}

static void drop_buffers(struct duplex *duplex)
{
    if (!duplex->borrowed)
        free(duplex->in.buffer);
    duplex->borrowed = false;
    use_buffers(duplex, NULL, 0);
}

/* False: out of memory, which is the close reason. */
static bool make_buffers(struct duplex *duplex, size_t size)
{
    uint8_t *memory = malloc(2 * size);
    if (!memory) {
        actpass_fail(duplex->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
        return false;
    }
    use_buffers(duplex, memory, size);
    return true;
}

static bool has_bytes(const struct duplex *duplex)
{
    return !is_empty(&duplex->in) || !is_empty(&duplex->out);
}

/* Large buffers take the place of small ones once these were full. False: out of memory. */
static bool grow_buffers(struct duplex *duplex)
{
    if (!duplex->full || duplex->size != SMALL_BUFFER || has_bytes(duplex))
        return true;
    drop_buffers(duplex);
    return make_buffers(duplex, LARGE_BUFFER);
}

static void keep_bytes(struct direction *direction, const struct direction *before)
{
    direction->end -= direction->start;
    direction->start = 0;
    memcpy(direction->buffer, before->buffer + before->start, direction->end);
}

/* The small buffers are needed from one step to the next only if bytes are left in them, which is
 * rare. So a connection that waits has none, and one that is busy uses memory that the processor
 * has in its cache. False: out of memory. */
static bool give_buffers_back(struct duplex *duplex)
{
    struct direction in = duplex->in, out = duplex->out;
    if (duplex->size != SMALL_BUFFER || (has_bytes(duplex) && !duplex->borrowed))
        return true;
    drop_buffers(duplex);
    if (is_empty(&in) && is_empty(&out))
        return true;
    if (!make_buffers(duplex, SMALL_BUFFER))
        return false;
    keep_bytes(&duplex->in, &in);
    keep_bytes(&duplex->out, &out);
    return true;
}

static void release_idle(struct duplex *duplex)
{
    if (has_bytes(duplex))
        return;
    drop_buffers(duplex);
    duplex->full = false;
}

/* ---- A program at the plain side ----------------------------------------------------------- */

static enum duplex_exit exit_of(const struct duplex *duplex)
{
    return duplex->program ? (enum duplex_exit)atomic_load(&duplex->program->exit)
                           : DUPLEX_EXIT_NONE;
}

/* It takes no more, and all that it has written can be read. */
static void take_exit(struct duplex *duplex)
{
    if (exit_of(duplex) == DUPLEX_EXIT_NONE)
        return;
    duplex->in = (struct direction){.buffer = duplex->in.buffer, .ended = true, .closed = true};
    duplex->readable = true;
    duplex->gone = true;
}

static bool has_hung_up(const struct duplex *duplex)
{
    struct pollfd plain = {.fd = duplex->plain};
    return poll(&plain, 1, 0) == 1 && (plain.revents & POLLHUP) != 0;
}

/* Is the end that was read to be passed on only with its status, which is not there yet? */
static bool must_wait_for_exit(struct duplex *duplex)
{
    if (!duplex->program || exit_of(duplex) != DUPLEX_EXIT_NONE || !has_hung_up(duplex))
        return false;
    if (duplex->exit_us == 0)
        duplex->exit_us = clock_deadline_ms(EXIT_MS);
    return clock_now_us() < duplex->exit_us;
}

/* What a read of LENGTH, or -1 with errno, means: a program that has left input unread looks like a
 * reset, and one whose children hold its socket open like one that has nothing to say. */
static ssize_t length_of_program(const struct duplex *duplex, ssize_t length)
{
    if (!duplex->program || length >= 0)
        return length;
    bool over = exit_of(duplex) != DUPLEX_EXIT_NONE && !duplex->program->copied;
    bool nothing = errno == EAGAIN || errno == EWOULDBLOCK;
    return errno == ECONNRESET || errno == EPIPE || (nothing && over) ? 0 : length;
}

/* ---- From TLS to the plain side --------------------------------------------------------- */

static enum step read_tls(struct duplex *duplex)
{
    if (!grow_buffers(duplex))
        return STEP_FAILED;
    int64_t length = actpass_read(duplex->conn, duplex->in.buffer, duplex->size);
    duplex->dry = length == ACTPASS_AGAIN;
    if (length == ACTPASS_AGAIN)
        return STEP_NOTHING;
    if (length < 0)
        return STEP_FAILED;
    fill(duplex, &duplex->in, length);
    duplex->used = duplex->used || length > 0;
    return STEP_MOVED;
}

/* The plain side takes no more, but bytes that it sent before may still be there to read. */
static enum step give_in_up(struct duplex *duplex, int error)
{
    duplex->plain_error = duplex->program ? 0 : error; /* a program need not read all */
    duplex->in = (struct direction){.buffer = duplex->in.buffer, .ended = true, .closed = true};
    duplex->readable = true;
    duplex->gone = true;
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
    duplex->writable = (size_t)sent == size; /* else an event says when there is room again */
    return STEP_MOVED;
}

static enum step move_in(struct duplex *duplex)
{
    struct direction *in = &duplex->in;
    enum step step = STEP_NOTHING;
    if (is_empty(in) && !in->ended && !duplex->dry)
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

/* Receives what is there. *ALL: that was all, so what comes later is a new event. A read ends early
 * where descriptors were sent along, which the kernel drops (MSG_CTRUNC), and at urgent data. */
static ssize_t receive(struct duplex *duplex, bool *all)
{
    struct iovec room = {.iov_base = duplex->out.buffer, .iov_len = duplex->size};
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
    ssize_t length = recvmsg(duplex->plain, &message, MSG_CMSG_CLOEXEC);
    bool dropped = length >= 0 && (message.msg_flags & MSG_CTRUNC) != 0;
    *all = length < (ssize_t)duplex->size && !dropped && !duplex->urgent;
    return length;
}

/* Was the socketpair's other end cut? That shows as an end, and only then does it count. */
static bool is_cut(const struct duplex *duplex)
{
    return (duplex->link && atomic_load(&duplex->link->cut)) || exit_of(duplex) == DUPLEX_EXIT_CUT;
}

static enum step read_plain(struct duplex *duplex)
{
    bool all;
    if (!grow_buffers(duplex))
        return STEP_FAILED;
    ssize_t length = length_of_program(duplex, receive(duplex, &all));
    if (length < 0 && errno == EINTR)
        return STEP_MOVED;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        duplex->readable = false;
        return STEP_NOTHING;
    }
    if (length == 0 && must_wait_for_exit(duplex)) {
        duplex->readable = false;
        return STEP_NOTHING;
    }
    if (duplex->plain_error == 0 && (length < 0 || (length == 0 && is_cut(duplex))))
        duplex->plain_error = length < 0 ? errno : ECONNRESET;
    if (length < 0 || (length == 0 && duplex->plain_error != 0))
        return STEP_FAILED;
    fill(duplex, &duplex->out, length);
    duplex->readable = !all || duplex->gone; /* an end that is there already has no new event */
    return STEP_MOVED;
}

static enum step write_tls(struct duplex *duplex)
{
    struct direction *out = &duplex->out;
    int64_t taken =
        actpass_write_some(duplex->conn, out->buffer + out->start, out->end - out->start);
    if (taken == ACTPASS_AGAIN)
        return STEP_NOTHING;
    if (taken < 0)
        return STEP_FAILED;
    out->start += (size_t)taken;
    duplex->unflushed = true;
    return STEP_MOVED;
}

static enum step close_tls(struct duplex *duplex)
{
    int result = actpass_shutdown_write(duplex->conn);
    if (result == ACTPASS_AGAIN)
        return STEP_NOTHING;
    duplex->out.closed = result == 0;
    return result == 0 ? STEP_MOVED : STEP_FAILED;
}

static enum step move_out(struct duplex *duplex)
{
    struct direction *out = &duplex->out;
    enum step step = STEP_NOTHING;
    if (is_empty(out) && !out->ended && duplex->readable)
        step = read_plain(duplex);
    if (step != STEP_FAILED && !is_empty(out))
        step = write_tls(duplex);
    if (step != STEP_FAILED && out->ended && is_empty(out) && !out->closed)
        step = close_tls(duplex);
    return step;
}

/* ---- Both ---------------------------------------------------------------------------------- */

/* What the caller does before each wait. */
static void flush(struct duplex *duplex)
{
    struct pollfd unused;
    (void)actpass_prepare_wait(duplex->conn, &unused);
    duplex->unflushed = false;
}

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
    if (in == STEP_MOVED && duplex->unflushed)
        flush(duplex);
    return in == STEP_MOVED || out == STEP_MOVED ? STEP_MOVED : STEP_NOTHING;
}

/* A descriptor may report what is not wanted, so that is kept for later. */
static void take_events(struct duplex *duplex, const struct pollfd *own)
{
    if (own->revents & (POLLIN | POLLPRI | POLL_GONE))
        duplex->readable = true;
    if (own->revents & POLLPRI)
        duplex->urgent = true;
    if (own->revents & (POLLOUT | POLLHUP | POLLERR))
        duplex->writable = true;
    if (own->revents & POLL_GONE)
        duplex->gone = true;
}

static short wanted_events(const struct duplex *duplex)
{
    int events = 0;
    if (!is_empty(&duplex->in))
        events |= POLLOUT;
    if (is_empty(&duplex->out) && !duplex->out.ended)
        events |= POLLIN | POLLPRI | POLLRDHUP;
    return (short)events;
}

/* A program may have something to do after the end of its input. */
static bool is_closed(const struct duplex *duplex)
{
    return duplex->in.closed && duplex->out.closed &&
           (!duplex->program || exit_of(duplex) != DUPLEX_EXIT_NONE);
}

/* Moves until there is nothing to move, or until others should have their turn. *MOVED: has
 * anything moved? */
static enum step move_all(struct duplex *duplex, bool *moved)
{
    enum step step = STEP_MOVED;
    duplex->read = 0;
    duplex->unflushed = false;
    *moved = false;
    for (int i = 0; i < STEP_ROUNDS && duplex->read < STEP_BYTES && !is_closed(duplex); i++) {
        step = move(duplex);
        if (step != STEP_MOVED)
            break;
        *moved = true;
    }
    if (step == STEP_MOVED && duplex->unflushed)
        flush(duplex);
    return step;
}

/* Ends the connection once nothing has moved for the idle timeout. Returns false if it has
 * ended. */
static bool check_idle(struct duplex *duplex, int64_t idle_timeout_ms, bool moved)
{
    if (moved)
        duplex->deadline_us = clock_deadline_ms(idle_timeout_ms);
    else if (clock_now_us() >= duplex->deadline_us)
        actpass_fail(duplex->conn, ACTPASS_TIMEOUT, "the connection was idle for too long");
    return actpass_ended(duplex->conn) == ACTPASS_OPEN;
}

/* A program need not read, so the failure behind what it has not read is looked for. */
static bool is_broken(const struct duplex *duplex)
{
    if (!duplex->program || is_empty(&duplex->in) || !actpass_is_broken(duplex->conn))
        return false;
    actpass_fail(duplex->conn, ACTPASS_RESET,
                 "the transport failed while the program did not read its input");
    return true;
}

/* Ends both sides abruptly. Bytes that the plain side sent before it failed are sent first, as far
 * as the socket takes them. */
static void cut(struct duplex *duplex)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(duplex->plain, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (duplex->link)
        atomic_store(&duplex->link->cut, true);
    if (duplex->plain_error == 0)
        return; /* the TLS side has its close reason already */
    struct error_text why;
    if (exit_of(duplex) == DUPLEX_EXIT_CUT)
        why = duplex->program->why;
    else
        (void)error_set(&why, "%s%s cut the connection", duplex->name, duplex->address);
    flush(duplex);
    actpass_fail(duplex->conn, ACTPASS_CANCELLED, why.text);
    actpass_abort(duplex->conn);
}

/* ---- Two conversations that are joined by a socketpair ------------------------------------- */

struct duplex_link *duplex_link_new(void)
{
    struct duplex_link *link = malloc(sizeof(*link));
    if (!link)
        return NULL;
    atomic_init(&link->references, 2);
    atomic_init(&link->cut, false);
    return link;
}

void duplex_link_release(struct duplex_link *link)
{
    if (link && atomic_fetch_sub(&link->references, 1) == 1)
        free(link);
}

/* ---- The handler --------------------------------------------------------------------------- */

bool duplex_begin(struct handler_job *job, int plain, const char *name, const char *address)
{
    return duplex_begin_with(job, plain, name, address, &(struct duplex_early){.link = NULL});
}

static void put(struct direction *direction, const void *bytes, size_t size)
{
    memcpy(direction->buffer, bytes, size);
    direction->end = size;
}

/* False: out of memory, which is the close reason. */
static bool take_early(struct duplex *duplex, const struct duplex_early *early)
{
    duplex->link = early->link;
    duplex->program = early->program;
    if (early->in_size == 0 && early->out_size == 0)
        return true;
    if (!make_buffers(duplex, SMALL_BUFFER))
        return false;
    if (early->in_size > 0)
        put(&duplex->in, early->in, early->in_size);
    if (early->out_size > 0)
        put(&duplex->out, early->out, early->out_size);
    return true;
}

bool duplex_begin_with(struct handler_job *job, int plain, const char *name, const char *address,
                       const struct duplex_early *early)
{
    struct duplex *duplex = calloc(1, sizeof(*duplex));
    if (!duplex) {
        actpass_fail(job->conn, ACTPASS_CANCELLED, "out of memory for the handler");
        return false;
    }
    duplex->conn = job->conn;
    duplex->plain = plain;
    duplex->writable = true;
    duplex->deadline_us = clock_deadline_ms(job->idle_timeout_ms);
    duplex->name = name;
    duplex->address = address;
    if (!take_early(duplex, early)) {
        free(duplex);
        return false;
    }
    job->state = duplex;
    job->own = (struct pollfd){.fd = plain};
    return true;
}

static enum handler_next end(struct handler_job *job, bool in_order)
{
    struct duplex *duplex = job->state;
    if (!in_order)
        cut(duplex);
    drop_buffers(duplex);
    free(duplex);
    job->state = NULL;
    job->own = (struct pollfd){.fd = -1};
    return HANDLER_DONE;
}

/* As move_all, with buffers that are borrowed if there are none. */
static enum step move_with_buffers(struct duplex *duplex, bool *moved)
{
    uint8_t memory[2 * SMALL_BUFFER];
    if (duplex->size == 0) {
        use_buffers(duplex, memory, SMALL_BUFFER);
        duplex->borrowed = true;
    }
    enum step step = move_all(duplex, moved);
    return give_buffers_back(duplex) ? step : STEP_FAILED;
}

enum handler_next duplex_step(struct handler_job *job, bool *in_order)
{
    struct duplex *duplex = job->state;
    bool moved;
    take_events(duplex, &job->own);
    take_exit(duplex);
    if (duplex->exit_us != 0)
        duplex->readable =
            true; /* its end is there, and its status, or the time for that, may be */
    duplex->dry = duplex->dry && job->peer_quiet;
    if (job->idle)
        release_idle(duplex);
    enum step step = move_with_buffers(duplex, &moved);
    job->used = job->used || duplex->used;
    if (step != STEP_FAILED && !moved && is_broken(duplex))
        step = STEP_FAILED;
    bool leaves = job->leave && !moved && is_empty(&duplex->in) && is_empty(&duplex->out);
    bool closed = is_closed(duplex) || leaves;
    *in_order = step != STEP_FAILED && closed && duplex->plain_error == 0;
    if (step == STEP_FAILED || closed || !check_idle(duplex, job->idle_timeout_ms, moved))
        return end(job, *in_order);
    job->own.events = wanted_events(duplex);
    job->deadline_us = duplex->exit_us != 0 && duplex->exit_us < duplex->deadline_us
                           ? duplex->exit_us
                           : duplex->deadline_us;
    return step == STEP_MOVED || (job->leave && moved) ? HANDLER_MORE : HANDLER_WAIT;
}
