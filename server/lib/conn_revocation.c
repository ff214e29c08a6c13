/* Whether the peer's certificate is revoked (OCSP), at the end of a handshake. The responder is
 * asked in the background; meanwhile the connection waits, and is woken once there is an answer.
 *
 * No wake-up is lost: TOLD is taken back before the answer is looked for, and set after it has
 * come. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

enum {
    LOOK_MS = 20, /* where the caller's loop cannot be woken */
    QUEUE_MS = 1000,
    BEFORE_DEADLINE_US = 100000
};

/* On another thread, with the lock of ocsp.h held: the connection is there until ocsp_leave. */
static void wake(void *arg)
{
    actpass_conn *conn = arg;
    relay_tell(conn->relay);
    if (conn->wake)
        conn->wake(conn->wake_arg);
}

/* Before it waits: from then on both are constant. */
static void begin_waiter(actpass_conn *conn)
{
    conn->revocation.wake = wake;
    conn->revocation.arg = conn;
}

/* From the first look on: the responder's time, and a while for those that are asked before. */
static void begin_wait(actpass_conn *conn, int64_t deadline_us)
{
    int64_t limit_ms = tls_context_revocation_ms(conn->config->tls, conn->ssl) + QUEUE_MS;
    conn->revocation_by_us = clock_deadline_ms(limit_ms);
    if (deadline_us != DEADLINE_NEVER && deadline_us - BEFORE_DEADLINE_US < conn->revocation_by_us)
        conn->revocation_by_us = deadline_us - BEFORE_DEADLINE_US;
}

static void note(actpass_conn *conn, const char *found)
{
    lock_take(&conn->end_lock);
    conn->ocsp = found;
    lock_release(&conn->end_lock);
}

enum tls_revocation conn_judge_revocation(actpass_conn *conn, int64_t deadline_us,
                                          struct error_text *error)
{
    const char *found = NULL;
    bool late = conn->revocation_by_us != 0 && clock_now_us() >= conn->revocation_by_us;
    if (conn->revocation_by_us == 0) /* else it may be called at this moment */
        begin_waiter(conn);
    relay_untell(conn->relay);
    enum tls_revocation judged = tls_context_revocation(
        conn->config->tls, conn->ssl, late ? NULL : &conn->revocation, &found, error);
    if (judged == TLS_PEER_PENDING && conn->revocation_by_us == 0)
        begin_wait(conn, deadline_us);
    if (judged != TLS_PEER_PENDING)
        conn_end_revocation(conn);
    if (found)
        note(conn, found);
    return judged;
}

/* What has come already has been looked at, and would end each wait at once. */
unsigned conn_revocation_want(actpass_conn *conn)
{
    unsigned want = RELAY_TOLD | RELAY_FAILED;
    if (!relay_is(conn->relay, RELAY_READABLE))
        want |= RELAY_READABLE;
    if (!relay_is(conn->relay, RELAY_ENDED))
        want |= RELAY_ENDED;
    return want;
}

/* Does SSL, or do we, hold something that the peer has sent? */
static bool holds_input(const actpass_conn *conn)
{
    return SSL_has_pending(conn->ssl) || conn->early.end > conn->early.start;
}

bool conn_ends_unanswered(actpass_conn *conn)
{
    if (!relay_has_lost_peer(conn->relay) ||
        (relay_status(conn->relay).error == 0 && holds_input(conn)))
        return false;
    conn_end_of_transport(conn);
    return true;
}

void conn_end_revocation(actpass_conn *conn)
{
    ocsp_leave(&conn->revocation);
    conn->revocation_by_us = 0;
}

int64_t conn_next_revocation_us(const actpass_conn *conn)
{
    if (conn->revocation_by_us == 0)
        return DEADLINE_NEVER;
    if (conn->mode == CONN_BLOCKING || conn->wake)
        return conn->revocation_by_us;
    int64_t look_us = clock_deadline_ms(LOOK_MS);
    return look_us < conn->revocation_by_us ? look_us : conn->revocation_by_us;
}
