/* TLS 1.2, as client: the server requests another handshake on the open connection, which is how it
 * requests our certificate. OpenSSL performs it inside SSL_read, where the server's data may still
 * come; its other calls would fail on that data. So until it is complete no other call is made, and
 * a thread that wants to write reads, and keeps the data for the reader. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/conn_internal.h"
#include "server/lib/tls/renegotiation.h"

#define CONN_RENEGOTIATIONS_MAX 16

/* Is one due, begun or not? */
static bool is_busy(const actpass_conn *conn)
{
    return conn->renegotiable && (SSL_renegotiate_pending(conn->ssl) || SSL_in_init(conn->ssl));
}

bool conn_must_begin(const actpass_conn *conn)
{
    return conn->renegotiable && SSL_renegotiate_pending(conn->ssl) && !SSL_in_init(conn->ssl);
}

void conn_note_hello(actpass_conn *conn)
{
    if (conn->renegotiable && ++conn->renegotiations == CONN_RENEGOTIATIONS_MAX)
        renegotiation_forbid(conn->ssl);
}

/* The certificate was judged inside the handshake, unless a session was resumed. */
static void judge(actpass_conn *conn)
{
    struct error_text refusal;
    conn_note_cipher(conn);
    if (!tls_context_accepts(conn->config->tls, conn->ssl, &refusal))
        conn_refuse(conn, &refusal);
}

/* With a close reason all waiting threads must be woken. */
static unsigned notes_of(const actpass_conn *conn)
{
    size_t held = conn->early.end - conn->early.start;
    if (conn->end != ACTPASS_OPEN)
        return NOTE_HOLDS;
    return (held || conn->peer_closed ? NOTE_HOLDS : 0U) | (conn->renegotiating ? NOTE_BUSY : 0U) |
           (held == CONN_EARLY_MAX ? NOTE_FULL : 0U);
}

void conn_note_read(actpass_conn *conn)
{
    if (!conn->renegotiable)
        return;
    bool busy = is_busy(conn);
    if (busy && !conn->renegotiating)
        conn->settle_by_us = clock_deadline_ms(conn->config->connection.handshake_timeout_ms);
    else if (!busy && conn->renegotiating && conn->end == ACTPASS_OPEN)
        judge(conn);
    conn->renegotiating = busy;
    unsigned notes = notes_of(conn);
    if (notes != conn->notes)
        relay_note(conn->relay, notes);
    conn->notes = notes;
}

enum outcome conn_settle(actpass_conn *conn)
{
    unsigned ignored; /* the caller waits for WRITABLE; conn_meanwhile adds what is missing */
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && is_busy(conn)) {
        if (!conn_room_for_early(conn))
            outcome = OUTCOME_FAILED;
        else if (conn->early.end == CONN_EARLY_MAX) /* a reader must take it first */
            outcome = OUTCOME_AGAIN;
        else
            outcome = conn_read_early(conn, &ignored);
        if (outcome == OUTCOME_CLOSED) {
            conn_fail(conn, ACTPASS_PROTOCOL, "the server closed TLS in its renegotiation");
            outcome = OUTCOME_FAILED;
        }
        conn_drop_early(conn);
        conn_note_read(conn);
    }
    return conn->end == ACTPASS_OPEN ? outcome : OUTCOME_FAILED;
}

int64_t conn_meanwhile(actpass_conn *conn, unsigned *want, int64_t deadline_us)
{
    if (!conn->renegotiable)
        return deadline_us;
    lock_take(&conn->lock);
    if (conn->renegotiating && (*want & RELAY_WRITABLE))
        *want |= RELAY_ARRIVED;
    if (conn->renegotiating && conn->settle_by_us < deadline_us)
        deadline_us = conn->settle_by_us;
    lock_release(&conn->lock);
    return deadline_us;
}

bool conn_end_late_renegotiation(actpass_conn *conn)
{
    lock_take(&conn->lock);
    bool late = conn->renegotiating && clock_now_us() >= conn->settle_by_us;
    lock_release(&conn->lock);
    if (late)
        conn_fail(conn, ACTPASS_TIMEOUT, "the server's renegotiation was not done in time");
    return late;
}
