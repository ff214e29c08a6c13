/* Waits: in calls that block, and in the caller's event loop. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct conn_waits no_waits = {.deadline_us = DEADLINE_NEVER};

void conn_wait_first(actpass_conn *conn)
{
    const struct config_connection *settings = &conn->config->connection;
    conn->waits[CONN_WRITER] = no_waits;
    conn->waits[CONN_READER] = (struct conn_waits){RELAY_DECIDED, DEADLINE_NEVER};
    if (settings->role == CONFIG_ROLE_SERVER)
        conn->waits[CONN_READER] =
            (struct conn_waits){RELAY_READABLE, clock_deadline_ms(settings->handshake_timeout_ms)};
}

void conn_begin(actpass_conn *conn, enum conn_waiter waiter)
{
    if (conn->mode == CONN_BLOCKING)
        relay_enter(conn->relay);
    conn->waits[waiter] = no_waits;
}

void conn_done(actpass_conn *conn)
{
    if (conn->mode == CONN_BLOCKING)
        relay_leave(conn->relay);
}

enum relay_wait conn_await(actpass_conn *conn, enum conn_waiter waiter, unsigned want,
                           int64_t deadline_us)
{
    if (conn->mode == CONN_BLOCKING)
        return relay_wait(conn->relay, want, NULL, 0, deadline_us);
    enum relay_wait result = relay_look(conn->relay, want, deadline_us);
    bool again = result == WAIT_AGAIN;
    conn->waits[waiter] = again ? (struct conn_waits){want, deadline_us} : no_waits;
    return result;
}

bool conn_yields(actpass_conn *conn, enum conn_waiter waiter, unsigned *rounds)
{
    enum { ROUNDS_MAX = 64 };
    if (conn->mode == CONN_BLOCKING || ++*rounds < ROUNDS_MAX)
        return false;
    conn->waits[waiter] = (struct conn_waits){0};
    return true;
}

enum conn_mode conn_block(actpass_conn *conn)
{
    enum conn_mode before = conn->mode;
    if (before == CONN_NONBLOCKING) /* else a reader and a writer may be in calls at once */
        conn->mode = CONN_BLOCKING;
    return before;
}

/* The waits may have taken what the caller's loop was told of. */
void conn_unblock(actpass_conn *conn, enum conn_mode before)
{
    if (before == CONN_BLOCKING)
        return;
    conn->mode = before;
    relay_serve_by_caller(conn->relay);
    if (conn->waits[CONN_READER].want != 0) /* which may be there by now */
        conn->waits[CONN_READER].deadline_us = 0;
}

int64_t conn_idle_deadline(actpass_conn *conn)
{
    int64_t idle_ms = conn->config->connection.idle_timeout_ms;
    if (conn->mode == CONN_BLOCKING || idle_ms < 0)
        return clock_deadline_ms(idle_ms);
    if (conn->idle_since_us == 0)
        conn->idle_since_us = clock_now_us();
    return conn->idle_since_us + idle_ms * 1000;
}

void conn_note_active(actpass_conn *conn)
{
    if (conn->mode == CONN_NONBLOCKING) /* else reader and writer may be two threads */
        conn->idle_since_us = 0;
}

/* ---- Calls that block ---------------------------------------------------------------------- */

static void free_buffers(actpass_conn *conn)
{
    lock_take(&conn->lock);
    if (conn->handshaken)
        (void)SSL_free_buffers(conn->ssl); /* fails while they hold data, which is no harm */
    lock_release(&conn->lock);
}

enum relay_wait conn_wait_until(actpass_conn *conn, enum conn_waiter waiter, unsigned want,
                                int64_t deadline_us)
{
    int64_t until_us = conn_meanwhile(conn, &want, deadline_us);
    enum relay_wait result = conn_await(conn, waiter, want, until_us);
    if (result == WAIT_TIMEOUT && until_us < deadline_us)
        return conn_end_late_renegotiation(conn) ? WAIT_CANCELLED : WAIT_READY;
    if (result == WAIT_CANCELLED)
        conn_end_of_transport(conn);
    return result;
}

/* ---- Event loops --------------------------------------------------------------------------- */

static void make_nonblocking(actpass_conn *conn)
{
    conn->mode = CONN_NONBLOCKING;
    conn->waits[CONN_READER] = conn->waits[CONN_WRITER] = no_waits;
    if (conn->stage == STAGE_ROLE)
        conn_wait_first(conn);
    else if (conn->stage == STAGE_TLS)
        conn->waits[CONN_READER].deadline_us = 0; /* the handshake tells what it waits for */
    relay_serve_by_caller(conn->relay);
    relay_set_nonblocking(conn->relay);
    conn_note_active(conn);
}

int actpass_set_nonblocking(actpass_conn *conn, int on)
{
    if (conn->closing == CLOSING_DONE)
        return -1;
    if (on && conn->mode == CONN_BLOCKING)
        make_nonblocking(conn);
    if (on)
        return 0;
    conn->mode = CONN_BLOCKING;
    if (conn->given)
        relay_set_blocking(conn->relay, conn->config->connection.idle_timeout_ms);
    return 0;
}

static int poll_timeout(int64_t deadline_us)
{
    if (deadline_us == DEADLINE_NEVER)
        return -1;
    int64_t now_us = deadline_us > 0 ? clock_now_us() : 0;
    int64_t left_ms = deadline_us > now_us ? (deadline_us - now_us + 999) / 1000 : 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

int actpass_prepare_wait(actpass_conn *conn, struct pollfd *socket)
{
    *socket = (struct pollfd){.fd = -1};
    if (conn->closing == CLOSING_DONE)
        return -1;
    if (conn->mode == CONN_BLOCKING)
        return 0;
    const struct conn_waits *reader = &conn->waits[CONN_READER];
    const struct conn_waits *writer = &conn->waits[CONN_WRITER];
    unsigned want = reader->want | writer->want;
    if (conn->given && conn->closing == CLOSING_NOT)
        want |= RELAY_LACKED;
    struct relay_need need = relay_prepare(conn->relay, want);
    if (need.cancelled)
        conn_end_of_transport(conn);
    if (reader->deadline_us < need.deadline_us)
        need.deadline_us = reader->deadline_us;
    if (writer->deadline_us < need.deadline_us)
        need.deadline_us = writer->deadline_us;
    socket->fd = need.fd;
    socket->events = need.events;
    return poll_timeout(need.deadline_us);
}

void actpass_note_events(actpass_conn *conn, short revents)
{
    relay_note_events(conn->relay, revents);
}

int actpass_wait(actpass_conn *conn, struct pollfd *own, nfds_t count, int64_t timeout_ms)
{
    enum { OWN_MAX = 16 };
    struct pollfd set[1 + OWN_MAX];
    if (count > OWN_MAX || conn->mode == CONN_BLOCKING) {
        errno = EINVAL;
        return -1;
    }
    int least_ms = actpass_prepare_wait(conn, &set[0]);
    bool callers =
        timeout_ms >= 0 && timeout_ms < INT_MAX && (least_ms < 0 || timeout_ms < least_ms);
    if (count > 0)
        memcpy(set + 1, own, count * sizeof(*own));
    if (set[0].events & POLLIN) /* else an end that nobody reads would end every wait */
        set[0].events |= POLLRDHUP;
    int ready = poll(set, 1 + count, callers ? (int)timeout_ms : least_ms);
    if (ready < 0 && errno != EINTR)
        return -1;
    for (nfds_t i = 0; i < count; i++)
        own[i].revents = (short)(ready > 0 ? set[1 + i].revents : 0);
    if (ready > 0 && set[0].revents)
        actpass_note_events(conn, set[0].revents);
    return ready != 0 || !callers; /* after a signal, the caller looks again */
}

void actpass_release_memory(actpass_conn *conn)
{
    free_buffers(conn);
    relay_release(conn->relay);
}

void actpass_fail(actpass_conn *conn, actpass_end end, const char *why)
{
    if (end != ACTPASS_OPEN && end != ACTPASS_CLEAN)
        conn_fail(conn, end, why);
}
