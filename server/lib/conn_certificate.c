/* The peer's certificate: what actpass_info reports of it, and the request for it after the
 * handshake: in TLS 1.3 by post-handshake authentication (RFC 8446 section 4.6.2), in TLS 1.2 by a
 * renegotiation that we start. The certificate comes only once the client reads, and data that it
 * sent before comes first (hazards 23 and 24). */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"
#include "server/lib/tls/subject.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conn_note_certificate(actpass_conn *conn, X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char *subject = conn->subject ? conn->subject : subject_text(certificate);
    if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1)
        length = 0;
    lock_take(&conn->end_lock);
    conn->subject = subject;
    for (size_t i = 0; i < length && i < 32; i++)
        snprintf(conn->fingerprint + 2 * i, 3, "%02x", digest[i]);
    lock_release(&conn->end_lock);
}

bool conn_peer_is(actpass_conn *conn, const struct policy *policy, struct error_text *error)
{
    lock_take(&conn->lock);
    X509 *peer = conn->proven ? SSL_get0_peer_certificate(conn->ssl) : NULL;
    bool is = peer ? policy_accepts(policy, peer, error)
                   : error_set(error, "the peer has shown no certificate");
    lock_release(&conn->lock);
    return is;
}

/* ---- The request --------------------------------------------------------------------------- */

static enum conn_asked none(struct error_text *why, const char *text)
{
    error_set(why, "%s", text);
    return ASKED_NONE;
}

static bool ask_by_message(actpass_conn *conn, struct error_text *why)
{
    if (SSL_verify_client_post_handshake(conn->ssl) == 1)
        return true;
    bool offered = ERR_GET_REASON(ERR_peek_error()) != SSL_R_EXTENSION_NOT_RECEIVED;
    return error_set(why,
                     offered ? "the client cannot be asked for a certificate: OpenSSL says \"%s\""
                             : "the client gives no certificate after the handshake: it has not "
                               "offered post_handshake_auth (%s)",
                     openssl_reason());
}

/* Only our SSL_renegotiate reads the option while it is cleared: the client's attempts stay
 * refused. */
static bool ask_by_renegotiation(actpass_conn *conn, struct error_text *why)
{
    if (!SSL_get_secure_renegotiation_support(conn->ssl))
        return error_set(why, "the client gives no certificate after the handshake: it cannot "
                              "renegotiate safely (RFC 5746)");
    if (SSL_get_extms_support(conn->ssl) != 1)
        return error_set(why, "the client gives no certificate after the handshake: it does not "
                              "support the extended master secret (RFC 7627), without which a "
                              "renegotiation could be another peer's (RFC 7627 section 1)");
    SSL_clear_options(conn->ssl, SSL_OP_NO_RENEGOTIATION);
    bool begun = SSL_renegotiate(conn->ssl) == 1;
    SSL_set_options(conn->ssl, SSL_OP_NO_RENEGOTIATION);
    return begun ||
           error_set(why, "the client cannot be asked for a certificate: OpenSSL says \"%s\"",
                     openssl_reason());
}

static enum conn_asked ask_locked(actpass_conn *conn, enum conn_demand demand,
                                  struct error_text *why)
{
    unsigned want;
    if (!conn_room_for_early(conn))
        return ASKED_FAILED;
    SSL_set_verify(conn->ssl,
                   demand == CERTIFICATE_REQUIRED
                       ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                       : SSL_VERIFY_PEER,
                   NULL);
    conn_prepare(conn);
    bool by_message = SSL_version(conn->ssl) >= TLS1_3_VERSION;
    if (!(by_message ? ask_by_message : ask_by_renegotiation)(conn, why))
        return ASKED_NONE;
    conn->asking = ASKING_WAITS;
    conn_prepare(conn);
    enum outcome outcome = conn_outcome(conn, SSL_do_handshake(conn->ssl), &want);
    return outcome == OUTCOME_FAILED || outcome == OUTCOME_CLOSED ? ASKED_FAILED : ASKED_AGAIN;
}

static enum conn_asked ask(actpass_conn *conn, enum conn_demand demand, struct error_text *why)
{
    lock_take(&conn->lock);
    enum conn_asked result = ASKED_FAILED;
    if (conn->end != ACTPASS_OPEN || !conn->handshaken)
        error_set(why, "the connection is not open");
    else if (conn->proven) /* not SSL_get0_peer_certificate: it has the certificate before the proof
                            */
        result = ASKED_GIVEN;
    else if (!SSL_is_server(conn->ssl))
        result = none(why, "only a TLS server can ask for a certificate");
    else if (conn->peer_closed || conn->close_notify_sent)
        result = none(why, "the connection is closing already");
    else
        result = ask_locked(conn, demand, why);
    lock_release(&conn->lock);
    return result;
}

/* ---- The answer ---------------------------------------------------------------------------- */

/* Judges by the certificate, not by the return code of a call (hazard 23). */
static enum conn_asked judge(actpass_conn *conn, struct error_text *why)
{
    enum tls_revocation judged = TLS_PEER_REFUSED;
    if (tls_context_accepts(conn->config->tls, conn->ssl, why))
        judged = conn_judge_revocation(conn, DEADLINE_NEVER, why);
    if (judged == TLS_PEER_PENDING)
        return conn_ends_unanswered(conn) ? ASKED_FAILED : ASKED_AGAIN;
    conn->asking = ASKING_NOTHING;
    conn->proven = judged == TLS_PEER_PASSES;
    if (conn->proven)
        return ASKED_GIVEN;
    conn_refuse(conn, why);
    return ASKED_FAILED;
}

static enum conn_asked take_answer(actpass_conn *conn, struct error_text *why)
{
    X509 *peer = SSL_get0_peer_certificate(conn->ssl);
    if (!peer) {
        conn->asking = ASKING_NOTHING;
        return none(why, "the client was asked for a certificate and gave none");
    }
    conn_note_cipher(conn);
    conn_note_certificate(conn, peer);
    return judge(conn, why);
}

static enum conn_asked receive_answer_locked(actpass_conn *conn, unsigned *want,
                                             struct error_text *why)
{
    for (;;) {
        if (conn->early.end == CONN_EARLY_MAX) {
            conn_fail(conn, ACTPASS_PROTOCOL,
                      "the client went on with data and did not answer the request for its "
                      "certificate");
            return ASKED_FAILED;
        }
        enum outcome outcome = conn_read_early(conn, want);
        if (outcome == OUTCOME_FAILED)
            return ASKED_FAILED;
        if (conn->asking == ASKING_ANSWERED && !SSL_in_init(conn->ssl))
            return take_answer(conn, why);
        if (outcome == OUTCOME_AGAIN)
            return ASKED_AGAIN;
        if (outcome == OUTCOME_CLOSED)
            return none(why, "the client closed the connection instead of giving a certificate");
    }
}

static enum conn_asked receive_answer(actpass_conn *conn, unsigned *want, struct error_text *why)
{
    lock_take(&conn->lock);
    enum conn_asked result = ASKED_FAILED;
    if (conn->end == ACTPASS_OPEN)
        result =
            conn->revocation_by_us != 0 ? judge(conn, why) : receive_answer_locked(conn, want, why);
    lock_release(&conn->lock);
    return result;
}

static bool wait_for(actpass_conn *conn, unsigned want, int64_t deadline_us)
{
    switch (relay_wait(conn->relay, want, NULL, 0, deadline_us)) {
    case WAIT_READY:
        return true;
    case WAIT_TIMEOUT:
        conn_fail(conn, ACTPASS_TIMEOUT,
                  "the client did not answer the request for its certificate in time");
        return false;
    case WAIT_CANCELLED:
    case WAIT_AGAIN: /* not from relay_wait */
        break;
    }
    conn_end_of_transport(conn);
    return false;
}

/* The client's, or then the responder's, which has a time limit of its own. */
static bool wait_for_answer(actpass_conn *conn, unsigned want, int64_t deadline_us)
{
    if (conn->revocation_by_us == 0)
        return wait_for(conn, want, deadline_us);
    unsigned signs = conn_revocation_want(conn);
    if (relay_wait(conn->relay, signs, NULL, 0, conn_next_revocation_us(conn)) != WAIT_CANCELLED)
        return true;
    conn_end_of_transport(conn);
    return false;
}

/* A record must be sent whole, so there must be room for it before (hazard 13). */
enum conn_asked conn_ask_certificate(actpass_conn *conn, enum conn_demand demand,
                                     int64_t deadline_us, struct error_text *why)
{
    unsigned want = RELAY_READABLE;
    enum conn_mode mode = conn_block(conn);
    conn_enter(conn);
    enum conn_asked result =
        wait_for(conn, RELAY_WRITABLE, deadline_us) ? ask(conn, demand, why) : ASKED_FAILED;
    while (result == ASKED_AGAIN) {
        result = receive_answer(conn, &want, why);
        if (result == ASKED_AGAIN && !wait_for_answer(conn, want, deadline_us))
            result = ASKED_FAILED;
    }
    conn_end_revocation(conn);
    conn_flush(conn);
    lock_take(&conn->lock);
    conn_drop_early(conn);
    lock_release(&conn->lock);
    conn_leave(conn);
    conn_unblock(conn, mode);
    conn_note_active(conn);
    return result;
}

int actpass_request_certificate(actpass_conn *conn, int64_t timeout_ms)
{
    struct error_text why = {.text = ""};
    if (timeout_ms < 0)
        timeout_ms = conn->config->connection.handshake_timeout_ms;
    switch (conn_ask_certificate(conn, CERTIFICATE_REQUIRED, clock_deadline_ms(timeout_ms), &why)) {
    case ASKED_GIVEN:
        return 0;
    case ASKED_NONE: /* TLS has not failed, so it is closed in order */
        (void)actpass_shutdown_write(conn);
        conn_flush(conn); /* this call blocks, so the caller need not wait afterwards */
        conn_fail(conn, ACTPASS_REFUSED, why.text);
        break;
    case ASKED_AGAIN:
    case ASKED_FAILED:
        break;
    }
    return -1;
}

int actpass_request_optional_certificate(actpass_conn *conn, int64_t timeout_ms, char *why,
                                         size_t why_size)
{
    struct error_text reason = {.text = ""};
    if (timeout_ms < 0)
        timeout_ms = conn->config->connection.handshake_timeout_ms;
    switch (
        conn_ask_certificate(conn, CERTIFICATE_OPTIONAL, clock_deadline_ms(timeout_ms), &reason)) {
    case ASKED_GIVEN:
        return 1;
    case ASKED_NONE:
        if (why)
            snprintf(why, why_size, "%s", reason.text);
        return 0;
    case ASKED_AGAIN:
        return ACTPASS_AGAIN;
    case ASKED_FAILED:
        break;
    }
    return -1;
}
