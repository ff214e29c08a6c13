/* Reading and writing. SSL calls never block; waits are outside
 * conn->lock, so one reader and one writer thread can work at once (hazard 10). */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

enum { RECORD_MAX = 16384 };

void conn_flush(actpass_conn *conn)
{
    relay_flush(conn->relay);
}

/* Would an SSL_read find something? This costs less than an SSL_read in vain. */
static bool more_to_read(actpass_conn *conn)
{
    return SSL_has_pending(conn->ssl) || relay_is(conn->relay, RELAY_READABLE);
}

static int64_t read_locked(actpass_conn *conn, uint8_t *buffer, size_t size)
{
    size_t total = 0;
    conn->read_want = RELAY_READABLE;
    while (total < size && (more_to_read(conn) || conn_must_begin(conn))) {
        size_t room = size - total;
        conn_prepare(conn);
        int got = SSL_read(conn->ssl, buffer + total, room > RECORD_MAX ? RECORD_MAX : (int)room);
        enum outcome outcome = got > 0 ? OUTCOME_DONE : conn_outcome(conn, got, &conn->read_want);
        if (outcome == OUTCOME_CLOSED)
            conn->peer_closed = true;
        conn_note_read(conn);
        if (got > 0 && conn->end == ACTPASS_OPEN) {
            total += (size_t)got;
            continue;
        }
        if (total > 0)
            break;
        if (outcome == OUTCOME_AGAIN)
            return CONN_AGAIN;
        /* After a flood of messages there is a close reason before close_notify. */
        return outcome == OUTCOME_CLOSED && conn->end == ACTPASS_OPEN ? 0 : -1;
    }
    return total > 0 ? (int64_t)total : CONN_AGAIN;
}

static int64_t take_early(actpass_conn *conn, void *buffer, size_t size)
{
    size_t took = conn_take_early(conn, buffer, size);
    conn_note_read(conn); /* which wakes a writer that has waited for the room */
    return (int64_t)took;
}

/* What a reader does for a writer that waits for the end of a renegotiation. That writer waits for
 * the transport, and cannot see what SSL has already read from it; and the reader may not come
 * again. */
static void serve_writer(actpass_conn *conn)
{
    if (conn->renegotiating && conn->end == ACTPASS_OPEN &&
        (SSL_has_pending(conn->ssl) || conn_must_begin(conn)))
        (void)conn_settle(conn);
}

int64_t conn_read_some(actpass_conn *conn, void *buffer, size_t size)
{
    lock_take(&conn->lock);
    int64_t result;
    if (conn->end != ACTPASS_OPEN || !conn->handshaken)
        result = -1;
    else if (conn->early.data && size)
        result = take_early(conn, buffer, size);
    else if (conn->peer_closed || size == 0)
        result = 0;
    else
        result = read_locked(conn, buffer, size);
    if (result > 0)
        serve_writer(conn);
    lock_release(&conn->lock);
    return result;
}

/* Once the peer has sent close_notify, SSL_get_error answers ZERO_RETURN for a write that failed
 * with an empty error queue, and so for each failure of the transport (hazard 5). */
static void end_by_write(actpass_conn *conn)
{
    struct relay_status status = relay_status(conn->relay);
    if (status.cancelled || status.timed_out || status.error)
        conn_end_of_transport(conn);
    else
        conn_fail(conn, ACTPASS_PROTOCOL, "TLS was closed under a write");
}

/* Each record is begun only if it can be finished: relay_is(WRITABLE) means that nothing is spilt,
 * so SSL_write never stops in the middle (hazard 13). */
static int64_t write_locked(actpass_conn *conn, const uint8_t *data, size_t size)
{
    size_t total = 0;
    conn->write_want = RELAY_WRITABLE;
    enum outcome settled = conn_settle(conn);
    if (settled != OUTCOME_DONE)
        return settled == OUTCOME_AGAIN ? CONN_AGAIN : -1;
    while (total < size && relay_is(conn->relay, RELAY_WRITABLE)) {
        size_t left = size - total;
        conn_prepare(conn);
        int put = SSL_write(conn->ssl, data + total, left > RECORD_MAX ? RECORD_MAX : (int)left);
        if (put > 0) {
            total += (size_t)put;
            continue;
        }
        enum outcome outcome = conn_outcome(conn, put, &conn->write_want);
        if (outcome == OUTCOME_AGAIN)
            break;
        if (outcome == OUTCOME_CLOSED)
            end_by_write(conn);
        return -1;
    }
    return total > 0 ? (int64_t)total : CONN_AGAIN;
}

int64_t conn_write_some(actpass_conn *conn, const void *data, size_t size)
{
    lock_take(&conn->lock);
    int64_t result;
    if (conn->end != ACTPASS_OPEN || !conn->handshaken || conn->close_notify_sent)
        result = -1;
    else
        result = size ? write_locked(conn, data, size) : 0;
    lock_release(&conn->lock);
    return result;
}

int64_t actpass_read(actpass_conn *conn, void *buffer, size_t size)
{
    unsigned rounds = 0;
    conn_begin(conn, CONN_READER);
    int64_t got = conn_read_some(conn, buffer, size);
    int64_t deadline_us = got == CONN_AGAIN ? conn_idle_deadline(conn) : 0;
    while (got == CONN_AGAIN && !conn_yields(conn, CONN_READER, &rounds)) {
        enum relay_wait wait = conn_wait_until(conn, CONN_READER, conn->read_want, deadline_us);
        if (wait == WAIT_AGAIN)
            break;
        if (wait == WAIT_TIMEOUT)
            conn_fail(conn, ACTPASS_TIMEOUT, CONN_IDLE);
        got = wait == WAIT_READY ? conn_read_some(conn, buffer, size) : -1;
    }
    if (got > 0)
        conn_note_active(conn);
    if (conn->mode == CONN_BLOCKING)
        conn_flush(conn); /* the answer to a KeyUpdate must not wait for the next call */
    conn_done(conn);
    return got;
}

/* The write timeout is the relay's: it ends the wait, and the next attempt fails. */
static int64_t write_some(actpass_conn *conn, const void *data, size_t size)
{
    int64_t put = conn_write_some(conn, data, size);
    while (put == CONN_AGAIN) {
        enum relay_wait wait = conn_wait_until(conn, CONN_WRITER, conn->write_want, DEADLINE_NEVER);
        if (wait == WAIT_AGAIN)
            return CONN_AGAIN;
        put = wait == WAIT_READY ? conn_write_some(conn, data, size) : -1;
    }
    if (put > 0)
        conn_note_active(conn);
    return put;
}

int64_t actpass_write_some(actpass_conn *conn, const void *data, size_t size)
{
    conn_begin(conn, CONN_WRITER);
    int64_t put = write_some(conn, data, size);
    if (conn->mode == CONN_BLOCKING)
        conn_flush(conn);
    conn_done(conn);
    return put;
}

int actpass_write(actpass_conn *conn, const void *data, size_t size)
{
    const uint8_t *next = data;
    int64_t put = 0;
    enum conn_mode mode = conn_block(conn);
    conn_begin(conn, CONN_WRITER);
    do {
        put = write_some(conn, next, size);
        if (put > 0) {
            next += put;
            size -= (size_t)put;
        }
    } while (size > 0 && put > 0);
    conn_flush(conn);
    conn_done(conn);
    conn_unblock(conn, mode);
    return put < 0 ? -1 : 0;
}

/* Like a record of data, it is begun only if it can be finished. */
static int try_close_notify(actpass_conn *conn)
{
    if (conn->close_notify_sent)
        return 0;
    if (conn->end != ACTPASS_OPEN || !conn->handshaken)
        return -1;
    enum outcome settled = conn_settle(conn);
    if (settled != OUTCOME_DONE)
        return settled == OUTCOME_AGAIN ? CONN_AGAIN : -1;
    if (!relay_is(conn->relay, RELAY_WRITABLE))
        return CONN_AGAIN;
    conn_prepare(conn);
    conn->close_notify_sent = SSL_shutdown(conn->ssl) >= 0;
    if (!conn->close_notify_sent)
        conn_end_of_transport(conn);
    return conn->close_notify_sent ? 0 : -1;
}

int conn_send_close_notify(actpass_conn *conn, int64_t deadline_us)
{
    for (;;) {
        unsigned want = RELAY_WRITABLE;
        lock_take(&conn->lock);
        int result = try_close_notify(conn);
        lock_release(&conn->lock);
        if (result != CONN_AGAIN)
            return result;
        int64_t until_us = conn_meanwhile(conn, &want, deadline_us);
        enum relay_wait wait = conn_await(conn, CONN_WRITER, want, until_us);
        if (wait == WAIT_AGAIN)
            return CONN_AGAIN;
        if (wait == WAIT_TIMEOUT && until_us < deadline_us)
            (void)conn_end_late_renegotiation(conn);
        else if (wait == WAIT_TIMEOUT)
            conn_fail(conn, ACTPASS_TIMEOUT, "the peer did not take our last data in time");
        else if (wait == WAIT_CANCELLED)
            conn_end_of_transport(conn);
    }
}

int actpass_shutdown_write(actpass_conn *conn)
{
    conn_begin(conn, CONN_WRITER);
    int result = conn_send_close_notify(conn, DEADLINE_NEVER);
    if (conn->mode == CONN_BLOCKING)
        conn_flush(conn);
    conn_done(conn);
    return result;
}
