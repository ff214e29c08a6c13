/* The close: close_notify, all output, FIN. Then the peer's input is read and discarded until its
 * end, since closing with unread input would send RST and destroy our last data (hazard 17). */
#include "relay/clock.h"
#include "server/lib/conn_internal.h"

/* Max. bytes that are discarded after our alert to a peer whose handshake is not complete: four
 * times the largest length in a record header. */
enum { DISCARD_MAX = 262144 };

/* Code that uses actpass_ssl may have closed TLS, or have seen it fail. */
static void adopt_ssl_state(actpass_conn *conn)
{
    relay_set_nonblocking(conn->relay);
    /* SSL_set_shutdown and a quiet shutdown set these flags, but send and receive nothing. */
    SSL_set_quiet_shutdown(conn->ssl, 0);
    SSL_set_shutdown(conn->ssl, (conn->close_notify_sent ? SSL_SENT_SHUTDOWN : 0) |
                                    (conn->peer_closed ? SSL_RECEIVED_SHUTDOWN : 0));
    struct relay_status status = relay_status(conn->relay);
    if (status.cancelled || status.timed_out)
        conn_end_of_transport(conn);
    else if (conn->end == ACTPASS_OPEN)
        conn_end_of_alert(conn);
}

/* ---- The steps: each returns false if it waits --------------------------------------------- */

static bool tls_has_failed(const actpass_conn *conn)
{
    return conn->end == ACTPASS_PROTOCOL || conn->end == ACTPASS_REFUSED;
}

/* If TLS failed, the peer should still get our alert; if its stream has ended, all data that was
 * written before. After an abort it gets nothing. */
static bool may_send_after_failure(actpass_conn *conn)
{
    if (relay_status(conn->relay).cancelled)
        return false;
    return conn_answer_http(conn) ||
           (conn->ssl && (tls_has_failed(conn) || conn->end == ACTPASS_TRUNCATED));
}

static void begin_after_failure(actpass_conn *conn)
{
    bool sends = may_send_after_failure(conn);
    if (sends)
        relay_begin_finish(conn->relay);
    conn->closing = sends ? CLOSING_ALERT : CLOSING_SOCKET;
}

static void begin(actpass_conn *conn)
{
    conn->close_by_us = clock_deadline_ms(conn->config->connection.close_timeout_ms);
    conn_end_revocation(conn);
    if (conn->ssl)
        adopt_ssl_state(conn);
    if (conn->end == ACTPASS_OPEN && conn->handshaken) {
        conn->closing = CLOSING_NOTIFY;
    } else if (conn->end == ACTPASS_OPEN) {
        conn_fail(conn, ACTPASS_CANCELLED, "the connection was closed before its handshake");
        conn->closing = CLOSING_SOCKET;
    } else if (!conn->ssl && tls_has_failed(conn) && relay_verdict(conn->relay).answerable &&
               conn_begin_answer(conn)) {
        conn->closing = CLOSING_ANSWER;
    } else {
        begin_after_failure(conn);
    }
}

static bool notify_peer(actpass_conn *conn)
{
    int result = conn_send_close_notify(conn, conn->close_by_us);
    if (result == CONN_AGAIN)
        return false;
    if (result == 0)
        relay_begin_finish(conn->relay);
    conn->closing = result == 0 ? CLOSING_FLUSH : CLOSING_SOCKET;
    return true;
}

/* A reset after both close_notify is no loss: many peers close without reading ours. */
static void end_in_order(actpass_conn *conn)
{
    struct relay_status status = relay_status(conn->relay);
    bool complete = conn->peer_closed && status.flushed;
    if (conn->end == ACTPASS_OPEN && status.error && !complete)
        conn_end_of_transport(conn);
    if (conn->end == ACTPASS_OPEN)
        conn_fail(conn, ACTPASS_CLEAN, "");
    conn->closing = CLOSING_SOCKET;
}

static bool flush(actpass_conn *conn)
{
    enum relay_wait wait = conn_await(conn, CONN_WRITER, RELAY_FLUSHED, conn->close_by_us);
    if (wait == WAIT_AGAIN)
        return false;
    conn->closing = CLOSING_READ; /* also after a failed send: an alert may have come */
    if (wait == WAIT_TIMEOUT)
        conn_fail(conn, ACTPASS_TIMEOUT, "the peer did not take our last data in time");
    else if (wait == WAIT_CANCELLED || relay_status(conn->relay).timed_out)
        conn_end_of_transport(conn);
    if (conn->end != ACTPASS_OPEN)
        conn->closing = CLOSING_SOCKET;
    return true;
}

/* Reads to the peer's close_notify. The deadline also ends a read while data keeps coming. */
static bool read_to_end(actpass_conn *conn)
{
    uint8_t scratch[4096];
    unsigned rounds = 0;
    int64_t got = conn_read_some(conn, scratch, sizeof(scratch));
    while (got > 0 || got == CONN_AGAIN) {
        enum relay_wait wait = WAIT_READY;
        if (conn_yields(conn, CONN_READER, &rounds))
            return false;
        if (got == CONN_AGAIN)
            wait = conn_await(conn, CONN_READER, RELAY_READABLE, conn->close_by_us);
        if (wait == WAIT_AGAIN)
            return false;
        if (wait == WAIT_CANCELLED)
            conn_end_of_transport(conn);
        else if (wait == WAIT_TIMEOUT || clock_now_us() >= conn->close_by_us)
            conn_fail(conn, ACTPASS_TIMEOUT, "the peer did not end the connection in time");
        got = conn_read_some(conn, scratch, sizeof(scratch));
    }
    end_in_order(conn);
    return true;
}

static bool answer(actpass_conn *conn)
{
    if (!conn_answer(conn, conn->close_by_us))
        return false;
    begin_after_failure(conn);
    return true;
}

static bool send_alert(actpass_conn *conn)
{
    if (conn_await(conn, CONN_WRITER, RELAY_FLUSHED, conn->close_by_us) == WAIT_AGAIN)
        return false;
    if (tls_has_failed(conn)) /* HTTP's answer, too, would be lost by a reset */
        relay_begin_discard(conn->relay, conn->handshaken ? UINT64_MAX : DISCARD_MAX);
    conn->closing = tls_has_failed(conn) ? CLOSING_DISCARD : CLOSING_SOCKET;
    return true;
}

static bool discard(actpass_conn *conn)
{
    if (conn_await(conn, CONN_READER, RELAY_ENDED, conn->close_by_us) == WAIT_AGAIN)
        return false;
    conn->closing = CLOSING_SOCKET;
    return true;
}

static void close_socket(actpass_conn *conn)
{
    if (conn->end == ACTPASS_TIMEOUT || conn->end == ACTPASS_CANCELLED)
        relay_cancel(conn->relay);
    relay_close(conn->relay);
    conn->closing = CLOSING_DONE;
}

actpass_end actpass_close(actpass_conn *conn)
{
    static bool (*const steps[CLOSING_SOCKET])(actpass_conn * conn) = {
        [CLOSING_NOTIFY] = notify_peer, [CLOSING_FLUSH] = flush,      [CLOSING_READ] = read_to_end,
        [CLOSING_ANSWER] = answer,      [CLOSING_ALERT] = send_alert, [CLOSING_DISCARD] = discard};
    if (conn->closing == CLOSING_DONE)
        return conn->end;
    conn_begin(conn, CONN_READER);
    conn_begin(conn, CONN_WRITER);
    if (conn->closing == CLOSING_NOT)
        begin(conn);
    bool goes_on = true;
    while (conn->closing != CLOSING_SOCKET && goes_on)
        goes_on = steps[conn->closing](conn);
    if (goes_on)
        close_socket(conn);
    conn_done(conn);
    conn_done(conn);
    if (!goes_on)
        return ACTPASS_OPEN;
    conn_notify_role(conn);
    conn_notify(conn, ACTPASS_EVENT_CLOSE);
    return conn->end;
}
