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

/* Reads to the peer's close_notify. The deadline also ends a read while data keeps coming. */
static void read_to_end(actpass_conn *conn, int64_t deadline_us)
{
    uint8_t scratch[4096];
    int64_t got = conn_read_some(conn, scratch, sizeof(scratch));
    while (got > 0 || got == CONN_AGAIN) {
        enum relay_wait wait = WAIT_READY;
        if (got == CONN_AGAIN)
            wait = relay_wait(conn->relay, RELAY_READABLE, NULL, 0, deadline_us);
        if (wait == WAIT_CANCELLED)
            conn_end_of_transport(conn);
        else if (wait == WAIT_TIMEOUT || clock_now_us() >= deadline_us)
            conn_fail(conn, ACTPASS_TIMEOUT, "the peer did not end the connection in time");
        got = conn_read_some(conn, scratch, sizeof(scratch));
    }
}

static void close_in_order(actpass_conn *conn, int64_t deadline_us)
{
    if (conn_send_close_notify(conn, deadline_us))
        return;
    enum relay_wait wait = relay_finish_output(conn->relay, deadline_us);
    struct relay_status status = relay_status(conn->relay);
    if (wait == WAIT_TIMEOUT)
        conn_fail(conn, ACTPASS_TIMEOUT, "the peer did not take our last data in time");
    else if (wait == WAIT_CANCELLED || status.timed_out)
        conn_end_of_transport(conn);
    else
        read_to_end(conn, deadline_us); /* also after a failed send: an alert may have come */
    if (conn->end == ACTPASS_OPEN && relay_status(conn->relay).error)
        conn_end_of_transport(conn);
    if (conn->end == ACTPASS_OPEN)
        conn_fail(conn, ACTPASS_CLEAN, "");
}

/* If TLS failed, the peer should still get our alert; if its stream has ended, all data that was
 * written before. */
static void close_after_failure(actpass_conn *conn, int64_t deadline_us)
{
    bool tls_failed = conn->end == ACTPASS_PROTOCOL || conn->end == ACTPASS_REFUSED;
    if (!conn->ssl && tls_failed && relay_verdict(conn->relay).answerable)
        conn_answer(conn, deadline_us);
    if (!conn->ssl || (!tls_failed && conn->end != ACTPASS_TRUNCATED))
        return;
    (void)relay_finish_output(conn->relay, deadline_us);
    if (tls_failed)
        relay_discard(conn->relay, conn->handshaken ? UINT64_MAX : DISCARD_MAX, deadline_us);
}

actpass_end actpass_close(actpass_conn *conn)
{
    if (conn->closed)
        return conn->end;
    conn_enter(conn);
    int64_t deadline_us = clock_deadline_ms(conn->config->connection.close_timeout_ms);
    if (conn->ssl)
        adopt_ssl_state(conn);
    if (conn->end == ACTPASS_OPEN && conn->handshaken)
        close_in_order(conn, deadline_us);
    else if (conn->end == ACTPASS_OPEN)
        conn_fail(conn, ACTPASS_CANCELLED, "the connection was closed before its handshake");
    else
        close_after_failure(conn, deadline_us);
    if (conn->end == ACTPASS_TIMEOUT || conn->end == ACTPASS_CANCELLED)
        relay_abort(conn->relay);
    relay_close(conn->relay);
    conn_leave(conn);
    conn->closed = true;
    conn_notify_role(conn);
    conn_notify(conn, ACTPASS_EVENT_CLOSE);
    return conn->end;
}
