#include "server/daemon/handlers/duplex.h"

#include "relay/clock.h"
#include "server/daemon/handlers/duplex_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { POLL_GONE = POLLRDHUP | POLLHUP | POLLERR };

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

/* ---- Events and ends --------------------------------------------------------------------- */

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
    if (!duplex_is_empty(&duplex->in))
        events |= POLLOUT;
    if (duplex_is_empty(&duplex->out) && !duplex->out.ended)
        events |= POLLIN | POLLPRI | POLLRDHUP;
    return (short)events;
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
    if (!duplex->program || duplex_is_empty(&duplex->in) || !actpass_is_broken(duplex->conn))
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
    if (duplex_exit_of(duplex) == DUPLEX_EXIT_CUT)
        why = duplex->program->why;
    else
        (void)error_set(&why, "%s%s cut the connection", duplex->name, duplex->address);
    duplex_flush(duplex);
    actpass_fail(duplex->conn, ACTPASS_CANCELLED, why.text);
    actpass_abort(duplex->conn);
}

/* ---- The handler --------------------------------------------------------------------------- */

bool duplex_begin(struct handler_job *job, int plain, const char *name, const char *address)
{
    return duplex_begin_with(job, plain, name, address, &(struct duplex_early){.link = NULL});
}

static void put(struct duplex_direction *direction, const void *bytes, size_t size)
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
    if (!duplex_make_buffers(duplex, DUPLEX_SMALL_BUFFER))
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
    duplex_drop_buffers(duplex);
    free(duplex);
    job->state = NULL;
    job->own = (struct pollfd){.fd = -1};
    return HANDLER_DONE;
}

/* As duplex_move_all, with buffers that are borrowed if there are none. */
static enum duplex_moved move_with_buffers(struct duplex *duplex, bool *moved)
{
    uint8_t memory[2 * DUPLEX_SMALL_BUFFER];
    duplex_borrow_buffers(duplex, memory);
    enum duplex_moved step = duplex_move_all(duplex, moved);
    return duplex_give_buffers_back(duplex) ? step : DUPLEX_FAILED;
}

enum handler_next duplex_step(struct handler_job *job, bool *in_order)
{
    struct duplex *duplex = job->state;
    bool moved;
    take_events(duplex, &job->own);
    duplex_take_exit(duplex);
    if (duplex->exit_us != 0)
        duplex->readable =
            true; /* its end is there, and its status, or the time for that, may be */
    duplex->dry = duplex->dry && job->peer_quiet;
    if (job->idle)
        duplex_release_idle(duplex);
    enum duplex_moved step = move_with_buffers(duplex, &moved);
    job->used = job->used || duplex->used;
    if (step != DUPLEX_FAILED && !moved && is_broken(duplex))
        step = DUPLEX_FAILED;
    bool leaves = job->leave && !moved && !duplex_has_bytes(duplex);
    bool closed = duplex_is_closed(duplex) || leaves;
    *in_order = step != DUPLEX_FAILED && closed && duplex->plain_error == 0;
    if (step == DUPLEX_FAILED || closed || !check_idle(duplex, job->idle_timeout_ms, moved))
        return end(job, *in_order);
    job->own.events = wanted_events(duplex);
    job->deadline_us = duplex->exit_us != 0 && duplex->exit_us < duplex->deadline_us
                           ? duplex->exit_us
                           : duplex->deadline_us;
    return step == DUPLEX_MOVED || (job->leave && moved) ? HANDLER_MORE : HANDLER_WAIT;
}
