/* The handshake: the role from the relay's verdict, an SSL object for it, TLS, and the check of the
 * peer's identity. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"

#include <string.h>

static bool dropped_hello(void *arg, uint8_t digest[BINDING_DIGEST])
{
    actpass_conn *conn = arg;
    return relay_dropped_hello(conn->relay, digest);
}

static bool make_ssl(actpass_conn *conn, enum role role)
{
    SSL *ssl = tls_context_ssl(conn->config->tls, role);
    conn->binding = (struct binding){
        .dropped = dropped_hello,
        .arg = conn,
        .offers = role == ROLE_CLIENT && relay_may_glare(conn->relay),
    };
    bool bound = ssl && binding_attach(ssl, &conn->binding);
    BIO *bio = bound ? relay_bio(conn->relay) : NULL;
    if (!bio) {
        SSL_free(ssl);
        conn_fail(conn, ACTPASS_CANCELLED, "out of memory for a TLS object");
        return false;
    }
    SSL_set_bio(ssl, bio, bio);
    if (role == ROLE_CLIENT && conn->dialed_name &&
        !SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
        (void)SSL_set_tlsext_host_name(ssl,
                                       conn->dialed_name); /* fails for a name that is too long */
    if (role == ROLE_CLIENT && conn->dialed)
        tls_context_offer(conn->config->tls, ssl, conn->dialed);
    if (role == ROLE_CLIENT)
        conn_offer_imported(conn, ssl);
    conn_follow_messages(conn, ssl);
    if (conn->mode ==
        CONN_NONBLOCKING) /* buffers are freed in a long wait: cheaper than after each record */
        SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    if (conn->config->connection.transport == CONFIG_TRANSPORT_DIRECT)
        SSL_set_read_ahead(ssl, 1); /* one system call for each record instead of two */
    conn->ssl = ssl;
    return true;
}

/* Counts from the first byte of a hello, or from the verdict if we speak first. */
static int64_t handshake_deadline_us(const actpass_conn *conn, const struct verdict *verdict)
{
    int64_t limit_ms = conn->config->connection.handshake_timeout_ms;
    if (limit_ms < 0)
        return DEADLINE_NEVER;
    int64_t from_us = verdict->decided_us;
    if (verdict->cause == CAUSE_CLIENT_HELLO && verdict->first_byte_us >= 0)
        from_us = verdict->first_byte_us;
    return verdict->accepted_us + from_us + limit_ms * 1000;
}

static void note_session(actpass_conn *conn)
{
    const unsigned char *alpn;
    unsigned length;
    lock_take(&conn->end_lock);
    conn->protocol = SSL_get_version(conn->ssl);
    conn->cipher = SSL_get_cipher_name(conn->ssl);
    conn->resumed = SSL_session_reused(conn->ssl);
    SSL_get0_alpn_selected(conn->ssl, &alpn, &length);
    if (length < sizeof(conn->alpn)) {
        if (length)
            memcpy(conn->alpn, alpn, length);
        conn->alpn[length] = '\0';
    }
    lock_release(&conn->end_lock);
    X509 *certificate = SSL_get0_peer_certificate(conn->ssl);
    if (certificate)
        conn_note_certificate(conn, certificate);
    conn_note_negotiated(conn);
}

/* A peer that we dialed must be authenticated, also in case a check of the configuration misses it.
 */
static bool accepts(const actpass_conn *conn, struct error_text *refusal)
{
    struct tls_context *tls = conn->config->tls;
    if (!tls_context_accepts(tls, conn->ssl, refusal))
        return false;
    return !conn->opened || tls_context_knows(tls, conn->ssl) ||
           error_set(refusal, "we opened the connection, and the peer gave no certificate");
}

/* What has the handshake brought, which TLS has done? */
static enum outcome judge(actpass_conn *conn, unsigned *want)
{
    struct error_text refusal;
    enum tls_revocation judged = TLS_PEER_REFUSED;
    if (accepts(conn, &refusal))
        judged = conn_judge_revocation(conn, conn->handshake_by_us, &refusal);
    if (judged == TLS_PEER_REFUSED)
        conn_refuse(conn, &refusal);
    if (judged == TLS_PEER_PENDING) {
        bool ends = conn_ends_unanswered(conn); /* and finds out what there is to read */
        *want = conn_revocation_want(conn);
        return ends ? OUTCOME_FAILED : OUTCOME_AGAIN;
    }
    return judged == TLS_PEER_PASSES ? OUTCOME_DONE : OUTCOME_FAILED;
}

static void take_up(actpass_conn *conn)
{
    note_session(conn);
    conn->renegotiable = tls_context_up(conn->ssl);
    conn->proven = SSL_get0_peer_certificate(conn->ssl);
    conn->handshaken = true;
    peer_hello_free(&conn->hello);
}

static enum outcome step(actpass_conn *conn, unsigned *want)
{
    lock_take(&conn->lock);
    conn_prepare(conn);
    enum outcome outcome = conn_outcome(conn, SSL_do_handshake(conn->ssl), want);
    if (outcome == OUTCOME_CLOSED) { /* an alert close_notify instead of a hello (hazard 20) */
        conn_fail(conn, ACTPASS_PROTOCOL, "the peer closed TLS in the handshake");
        outcome = OUTCOME_FAILED;
    } else if (outcome == OUTCOME_DONE) {
        outcome = judge(conn, want);
    }
    if (outcome == OUTCOME_DONE)
        take_up(conn);
    if (outcome == OUTCOME_FAILED) {
        conn_note_offered_name(conn);
        tls_context_failed(conn->config->tls, conn->ssl);
    }
    lock_release(&conn->lock);
    return outcome;
}

/* Glare, or a hello that came at the last moment, may have changed the role: then TLS begins again
 * with a new object. */
static bool follow_role(actpass_conn *conn)
{
    struct verdict verdict = relay_verdict(conn->relay);
    if (verdict.role == conn->role)
        return true;
    conn->role = verdict.role;
    if (verdict.role == ROLE_NONE) {
        conn_end_without_role(conn, &verdict);
        return false;
    }
    lock_take(&conn->lock);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    peer_hello_free(&conn->hello);
    bool made = make_ssl(conn, verdict.role);
    lock_release(&conn->lock);
    conn_notify(conn, ACTPASS_EVENT_ROLE);
    return made;
}

/* With Fast Open the TCP connection is established during the handshake, and has its own deadline.
 * DONE: try again. */
static enum outcome wait_for_peer(actpass_conn *conn, unsigned want)
{
    int64_t connect_us = conn->connected ? DEADLINE_NEVER : conn->options.connect_deadline_us;
    int64_t look_us = conn_next_revocation_us(conn);
    int64_t until_us = connect_us < conn->handshake_by_us ? connect_us : conn->handshake_by_us;
    if (look_us < until_us)
        until_us = look_us;
    enum relay_wait wait = conn_await(conn, CONN_READER, want, until_us);
    conn->connected = conn->connected || relay_connected(conn->relay);
    switch (wait) {
    case WAIT_READY:
        return OUTCOME_DONE;
    case WAIT_AGAIN:
        return OUTCOME_AGAIN;
    case WAIT_TIMEOUT:
        if (conn->connected && until_us < conn->handshake_by_us)
            return OUTCOME_DONE;
        conn_fail(conn, ACTPASS_TIMEOUT,
                  conn->connected ? "the handshake was not done in time"
                                  : "the TCP connection did not come up in time");
        return OUTCOME_FAILED;
    case WAIT_CANCELLED:
        break;
    }
    conn_end_of_transport(conn);
    return OUTCOME_FAILED;
}

/* Only if Fast Open is configured: this takes a system call. */
static void note_syn_data(actpass_conn *conn)
{
    if (!conn->config->connection.tcp_fast_open)
        return;
    bool syn_data = relay_syn_data(conn->relay);
    lock_take(&conn->end_lock);
    conn->syn_data = syn_data;
    lock_release(&conn->end_lock);
}

static void note_up(actpass_conn *conn)
{
    conn->stage = STAGE_DONE;
    conn_note_time(conn, &conn->handshake_us);
    conn->connected = conn->connected || relay_status(conn->relay).received > 0;
    conn_note_active(conn);
}

/* The second part: TLS. */
static enum outcome shake_hands(actpass_conn *conn)
{
    unsigned want = 0;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE) {
        if (!follow_role(conn))
            return OUTCOME_FAILED;
        outcome = step(conn, &want);
        if (outcome != OUTCOME_AGAIN)
            break;
        outcome = wait_for_peer(conn, want);
    }
    if (outcome == OUTCOME_DONE)
        note_up(conn);
    if (outcome == OUTCOME_AGAIN)
        return outcome;
    relay_flush(conn->relay);
    note_syn_data(conn);
    return outcome;
}

bool conn_begin_answer(actpass_conn *conn)
{
    lock_take(&conn->lock);
    bool made = make_ssl(conn, ROLE_SERVER);
    lock_release(&conn->lock);
    return made;
}

static bool answer_more(actpass_conn *conn, unsigned *want)
{
    lock_take(&conn->lock);
    conn_prepare(conn);
    enum outcome outcome = conn_outcome(conn, SSL_do_handshake(conn->ssl), want);
    lock_release(&conn->lock);
    return outcome == OUTCOME_AGAIN;
}

bool conn_answer(actpass_conn *conn, int64_t deadline_us)
{
    unsigned want = 0;
    enum relay_wait wait = WAIT_READY;
    while (wait == WAIT_READY && answer_more(conn, &want))
        wait = conn_await(conn, CONN_READER, want, deadline_us);
    return wait != WAIT_AGAIN;
}

static enum relay_wait wait_for_verdict(actpass_conn *conn, struct verdict *verdict)
{
    if (conn->mode == CONN_BLOCKING)
        return relay_wait_verdict(conn->relay, verdict);
    enum relay_wait wait = conn_await(conn, CONN_READER, RELAY_DECIDED, DEADLINE_NEVER);
    *verdict = relay_verdict(conn->relay);
    return wait;
}

/* The first part: the role. */
static enum outcome find_role(actpass_conn *conn)
{
    struct verdict verdict;
    enum relay_wait wait = wait_for_verdict(conn, &verdict);
    if (wait == WAIT_AGAIN)
        return OUTCOME_AGAIN;
    if (wait == WAIT_CANCELLED)
        conn_end_of_transport(conn);
    else if (verdict.role == ROLE_NONE)
        conn_end_without_role(conn, &verdict);
    conn_notify_role(conn);
    if (conn->end != ACTPASS_OPEN)
        return OUTCOME_FAILED;
    conn->role = verdict.role;
    conn->handshake_by_us = handshake_deadline_us(conn, &verdict);
    conn->stage = STAGE_TLS;
    return make_ssl(conn, verdict.role) ? OUTCOME_DONE : OUTCOME_FAILED;
}

int actpass_handshake(actpass_conn *conn)
{
    if (conn->handshaken)
        return 0;
    if (conn->end != ACTPASS_OPEN)
        return -1;
    conn_begin(conn, CONN_READER);
    enum outcome outcome = conn->stage == STAGE_ROLE ? find_role(conn) : OUTCOME_DONE;
    if (outcome == OUTCOME_DONE)
        outcome = shake_hands(conn);
    if (outcome == OUTCOME_DONE)
        conn_notify(conn, ACTPASS_EVENT_HANDSHAKE);
    conn_done(conn);
    if (outcome == OUTCOME_AGAIN)
        return ACTPASS_AGAIN;
    return outcome == OUTCOME_DONE ? 0 : -1;
}
