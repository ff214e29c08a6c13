/* Moves the bytes of a duplex, and passes on the end of each direction. */
#include "server/daemon/handlers/duplex_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What one step moves at most, so that other connections have their turn. */
enum { STEP_ROUNDS = 64, STEP_BYTES = 1 << 20 };

static void fill(struct duplex *duplex, struct duplex_direction *direction, int64_t length)
{
    direction->start = 0;
    direction->end = (size_t)length;
    direction->ended = length == 0;
    duplex->full = duplex->full || direction->end == duplex->size;
    duplex->read += (size_t)length;
}

/* ---- From TLS to the plain side --------------------------------------------------------- */

static enum duplex_moved read_tls(struct duplex *duplex)
{
    if (!duplex_grow_buffers(duplex))
        return DUPLEX_FAILED;
    int64_t length = actpass_read(duplex->conn, duplex->in.buffer, duplex->size);
    duplex->dry = length == ACTPASS_AGAIN;
    if (length == ACTPASS_AGAIN)
        return DUPLEX_NOTHING;
    if (length < 0)
        return DUPLEX_FAILED;
    fill(duplex, &duplex->in, length);
    duplex->used = duplex->used || length > 0;
    return DUPLEX_MOVED;
}

/* The plain side takes no more, but bytes that it sent before may still be there to read. */
static enum duplex_moved give_in_up(struct duplex *duplex, int error)
{
    duplex->plain_error = duplex->program ? 0 : error; /* a program need not read all */
    duplex->in =
        (struct duplex_direction){.buffer = duplex->in.buffer, .ended = true, .closed = true};
    duplex->readable = true;
    duplex->gone = true;
    return DUPLEX_MOVED;
}

static enum duplex_moved write_plain(struct duplex *duplex)
{
    struct duplex_direction *in = &duplex->in;
    size_t size = in->end - in->start;
    ssize_t sent = send(duplex->plain, in->buffer + in->start, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
        return DUPLEX_MOVED;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        duplex->writable = false;
        return DUPLEX_NOTHING;
    }
    if (sent < 0)
        return give_in_up(duplex, errno);
    in->start += (size_t)sent;
    duplex->writable = (size_t)sent == size; /* else an event says when there is room again */
    return DUPLEX_MOVED;
}

static enum duplex_moved move_in(struct duplex *duplex)
{
    struct duplex_direction *in = &duplex->in;
    enum duplex_moved step = DUPLEX_NOTHING;
    if (duplex_is_empty(in) && !in->ended && !duplex->dry)
        step = read_tls(duplex);
    if (step != DUPLEX_FAILED && !duplex_is_empty(in) && duplex->writable)
        step = write_plain(duplex);
    if (step != DUPLEX_FAILED && in->ended && duplex_is_empty(in) && !in->closed) {
        in->closed = true;
        step = shutdown(duplex->plain, SHUT_WR) == 0 ? DUPLEX_MOVED : give_in_up(duplex, errno);
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
    return (duplex->link && atomic_load(&duplex->link->cut)) ||
           duplex_exit_of(duplex) == DUPLEX_EXIT_CUT;
}

static enum duplex_moved read_plain(struct duplex *duplex)
{
    bool all;
    if (!duplex_grow_buffers(duplex))
        return DUPLEX_FAILED;
    ssize_t length = duplex_length_of_program(duplex, receive(duplex, &all));
    if (length < 0 && errno == EINTR)
        return DUPLEX_MOVED;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        duplex->readable = false;
        return DUPLEX_NOTHING;
    }
    if (length == 0 && duplex_must_wait_for_exit(duplex)) {
        duplex->readable = false;
        return DUPLEX_NOTHING;
    }
    if (duplex->plain_error == 0 && (length < 0 || (length == 0 && is_cut(duplex))))
        duplex->plain_error = length < 0 ? errno : ECONNRESET;
    if (length < 0 || (length == 0 && duplex->plain_error != 0))
        return DUPLEX_FAILED;
    fill(duplex, &duplex->out, length);
    duplex->readable = !all || duplex->gone; /* an end that is there already has no new event */
    return DUPLEX_MOVED;
}

static enum duplex_moved write_tls(struct duplex *duplex)
{
    struct duplex_direction *out = &duplex->out;
    int64_t taken =
        actpass_write_some(duplex->conn, out->buffer + out->start, out->end - out->start);
    if (taken == ACTPASS_AGAIN)
        return DUPLEX_NOTHING;
    if (taken < 0)
        return DUPLEX_FAILED;
    out->start += (size_t)taken;
    duplex->unflushed = true;
    return DUPLEX_MOVED;
}

static enum duplex_moved close_tls(struct duplex *duplex)
{
    int result = actpass_shutdown_write(duplex->conn);
    if (result == ACTPASS_AGAIN)
        return DUPLEX_NOTHING;
    if (result != 0)
        return DUPLEX_FAILED;
    duplex->out.closed = duplex->unflushed = true;
    return DUPLEX_MOVED;
}

static enum duplex_moved move_out(struct duplex *duplex)
{
    struct duplex_direction *out = &duplex->out;
    enum duplex_moved step = DUPLEX_NOTHING;
    if (duplex_is_empty(out) && !out->ended && duplex->readable)
        step = read_plain(duplex);
    if (step != DUPLEX_FAILED && !duplex_is_empty(out))
        step = write_tls(duplex);
    if (step != DUPLEX_FAILED && out->ended && duplex_is_empty(out) && !out->closed)
        step = close_tls(duplex);
    return step;
}

/* ---- Both ---------------------------------------------------------------------------------- */

void duplex_flush(struct duplex *duplex)
{
    struct pollfd unused;
    (void)actpass_prepare_wait(duplex->conn, &unused);
    duplex->unflushed = false;
}

/* What is closed is sent by the close, so that the last output and FIN are one segment. */
static void flush_moved(struct duplex *duplex)
{
    if (duplex->unflushed && !duplex_is_closed(duplex))
        duplex_flush(duplex);
}

/* Moves what can be moved without waiting. */
static enum duplex_moved move(struct duplex *duplex)
{
    enum duplex_moved in = move_in(duplex);
    if (in == DUPLEX_FAILED)
        return DUPLEX_FAILED;
    enum duplex_moved out = move_out(duplex);
    if (out == DUPLEX_FAILED)
        return DUPLEX_FAILED;
    /* While only output moves, it collects in the ring and is sent in large pieces by the next
     * wait. Input that keeps coming could delay that wait for long. */
    if (in == DUPLEX_MOVED)
        flush_moved(duplex);
    return in == DUPLEX_MOVED || out == DUPLEX_MOVED ? DUPLEX_MOVED : DUPLEX_NOTHING;
}

/* A program may have something to do after the end of its input. */
bool duplex_is_closed(const struct duplex *duplex)
{
    return duplex->in.closed && duplex->out.closed &&
           (!duplex->program || duplex_exit_of(duplex) != DUPLEX_EXIT_NONE);
}

enum duplex_moved duplex_move_all(struct duplex *duplex, bool *moved)
{
    enum duplex_moved step = DUPLEX_MOVED;
    duplex->read = 0;
    duplex->unflushed = false;
    *moved = false;
    for (int i = 0; i < STEP_ROUNDS && duplex->read < STEP_BYTES && !duplex_is_closed(duplex);
         i++) {
        step = move(duplex);
        if (step != DUPLEX_MOVED)
            break;
        *moved = true;
    }
    if (step == DUPLEX_MOVED)
        flush_moved(duplex);
    return step;
}
