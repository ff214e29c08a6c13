/* Whether the peer's certificate is revoked (OCSP), at the end of a handshake. The responder is
 * asked in the background; meanwhile the connection waits as for the peer, so no thread is held
 * that does not block anyway. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/conn_internal.h"

enum { LOOK_MS = 20, QUEUE_MS = 1000, BEFORE_DEADLINE_US = 100000 };

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
    enum tls_revocation judged = tls_context_revocation(
        conn->config->tls, conn->ssl, late ? TLS_MUST_KNOW : TLS_MAY_WAIT, &found, error);
    if (judged == TLS_PEER_PENDING && conn->revocation_by_us == 0)
        begin_wait(conn, deadline_us);
    if (judged != TLS_PEER_PENDING)
        conn->revocation_by_us = 0;
    if (found)
        note(conn, found);
    return judged;
}

int64_t conn_next_revocation_us(const actpass_conn *conn)
{
    return conn->revocation_by_us != 0 ? clock_deadline_ms(LOOK_MS) : DEADLINE_NEVER;
}
