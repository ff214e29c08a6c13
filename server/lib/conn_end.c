/* How a connection ends: the one place that maps SSL_get_error, the error queue and what the
 * transport has seen to an actpass_end. */
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

void conn_fail(actpass_conn *conn, actpass_end end, const char *why)
{
    pthread_mutex_lock(&conn->end_lock);
    if (conn->end == ACTPASS_OPEN) {
        snprintf(conn->error, sizeof(conn->error), "%s", why);
        conn->end = end;
    }
    pthread_mutex_unlock(&conn->end_lock);
}

void conn_refuse(actpass_conn *conn, const struct tls_error *why)
{
    conn_fail(conn, tls_failed_for_memory(why) ? ACTPASS_CANCELLED : ACTPASS_REFUSED, why->text);
}

static void fail_with(actpass_conn *conn, actpass_end end, const char *what, const char *detail)
{
    char why[512];
    snprintf(why, sizeof(why), "%s: %s", what, detail);
    conn_fail(conn, end, why);
}

/* A call of OpenSSL failed, the error queue is empty and the transport is sound. Up to OpenSSL 3
 * that means that there was no memory for an entry. From 4.0 on an SSL that has failed once fails
 * every later call in this way, and code that uses actpass_ssl may have seen the first failure. */
static const char *silent_failure(void)
{
    return OpenSSL_version_num() < 0x40000000
               ? "out of memory in TLS"
               : "TLS cannot go on: an earlier call has failed, or there is no memory";
}

void conn_end_of_transport(actpass_conn *conn)
{
    struct relay_status status = relay_status(conn->relay);
    if (status.cancelled)
        conn_fail(conn, ACTPASS_CANCELLED, "the connection was aborted on our side");
    else if (status.timed_out)
        conn_fail(conn, ACTPASS_TIMEOUT, "the peer took no data for the write timeout");
    else if (status.error)
        fail_with(conn, ACTPASS_RESET, "the transport failed", strerror(status.error));
    else if (status.eof)
        conn_fail(conn, ACTPASS_TRUNCATED, "the peer ended the stream without close_notify");
    else
        conn_fail(conn, ACTPASS_CANCELLED, silent_failure());
}

/* Alerts by which a peer refuses who we are (RFC 8446 section 6.2). Not decrypt_error: OpenSSL
 * sends it for a certificate of a CA with the right name and another key, but everybody also for a
 * handshake that was tampered with. */
static bool is_identity_alert(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static bool is_server(const actpass_conn *conn)
{
    return SSL_is_server(conn->ssl);
}

static bool has_seen_glare(const actpass_conn *conn)
{
    return relay_has_resolved_glare(conn->relay);
}

static bool has_asked(const actpass_conn *conn)
{
    return conn->asking == ASKING_WAITS;
}

/* Reasons of OpenSSL that we know more about than its own words say. */
static const struct known_reason {
    int reason;
    actpass_end end;
    bool (*applies)(const actpass_conn *conn); /* NULL: always */
    const char *text;
} known_reasons[] = {
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, ACTPASS_PROTOCOL, is_server,
     "the client asked for a server name that no certificate is for"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ACTPASS_REFUSED, NULL,
     "the peer gave no certificate, which is required"},
    /* The peer's alert after glare, as our client reads it, or as our server does: its record has
       an old version. */
    {SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE, ACTPASS_PROTOCOL, has_seen_glare,
     "both ends sent a ClientHello, and the peer knows no rule for that"},
    {SSL_R_WRONG_VERSION_NUMBER, ACTPASS_PROTOCOL, has_seen_glare,
     "both ends sent a ClientHello, and the peer knows no rule for that"},
    {SSL_R_NO_RENEGOTIATION, ACTPASS_REFUSED, has_asked,
     "the client refused to renegotiate, and so to give its certificate"},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, ACTPASS_PROTOCOL, NULL,
     "TLS failed: the peer could not verify a signature (alert decrypt_error); where it trusts "
     "another CA of the same name, that of our certificate"},
};

static const struct known_reason *known_reason(const actpass_conn *conn, int reason)
{
    for (size_t i = 0; i < sizeof(known_reasons) / sizeof(*known_reasons); i++) {
        const struct known_reason *known = &known_reasons[i];
        if (known->reason == reason && (!known->applies || known->applies(conn)))
            return known;
    }
    return NULL;
}

/* An error of libssl that is no want of memory. */
static void fail_by_reason(actpass_conn *conn, int reason, const char *text)
{
    const struct known_reason *known = known_reason(conn, reason);
    if (known && known->applies == has_seen_glare)
        relay_glare_failed(conn->relay);
    if (conn->binding.failure)
        conn_fail(conn, ACTPASS_PROTOCOL, conn->binding.failure);
    else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        conn_end_of_transport(conn);
    else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        fail_with(conn, ACTPASS_REFUSED, "we refused the peer's certificate",
                  tls_context_refusal(conn->ssl));
    else if (known)
        conn_fail(conn, known->end, known->text);
    else if (is_identity_alert(reason))
        fail_with(conn, ACTPASS_REFUSED, "the peer refused our certificate", text);
    else
        fail_with(conn, ACTPASS_PROTOCOL, "TLS failed", text);
}

static void fail_by_queue(actpass_conn *conn, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);
    if (!text)
        text = "unknown reason";
    if (reason == ERR_R_MALLOC_FAILURE)
        conn_fail(conn, ACTPASS_CANCELLED, "out of memory in TLS");
    else if (ERR_GET_LIB(error) != ERR_LIB_SSL) /* its reasons are numbers of another library */
        fail_with(conn, ACTPASS_PROTOCOL, "TLS failed", text);
    else
        fail_by_reason(conn, reason, text);
}

void conn_end_of_alert(actpass_conn *conn)
{
    bool got = conn->alert_got != 0;
    int alert = got ? conn->alert_got : conn->alert_sent;
    const char *text = SSL_alert_desc_string_long(alert);
    /* OpenSSL answers a bare end of the stream with an alert. */
    bool truncated = alert == SSL_AD_DECODE_ERROR && relay_status(conn->relay).eof;
    if (alert == 0 || (!got && truncated))
        return;
    if (is_identity_alert(SSL_AD_REASON_OFFSET + alert))
        fail_with(conn, ACTPASS_REFUSED,
                  got ? "the peer refused our certificate" : "we refused the peer's certificate",
                  text);
    else
        fail_with(conn, ACTPASS_PROTOCOL, got ? "TLS failed at the peer" : "TLS failed", text);
}

/* Empties the queue; returns its first error. Whatever library says that memory was short, and
 * however late, it is what the others come from: OpenSSL 3.2 and later queue it as ERR_LIB_CRYPTO.
 */
static unsigned long take_error(void)
{
    unsigned long first = ERR_get_error();
    unsigned long memory = 0;
    for (unsigned long error = first; error; error = ERR_get_error())
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
            memory = error;
    return memory ? memory : first;
}

/* The queue first: an alert tells more than the reset that came after it. An error of ERR_LIB_SYS
 * is what OpenSSL 3.2 and later make of a BIO that fails: the transport knows more. */
static void fail_by_call(actpass_conn *conn)
{
    unsigned long error = take_error();
    if (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS)
        conn_end_of_transport(conn);
    else
        fail_by_queue(conn, error);
}

void conn_prepare(actpass_conn *conn)
{
    if (ERR_peek_error()) /* clearing an empty queue is dear: it walks all of it */
        ERR_clear_error();
    BIO_clear_retry_flags(SSL_get_rbio(conn->ssl));
}

enum outcome conn_outcome(actpass_conn *conn, int result, unsigned *want)
{
    switch (SSL_get_error(conn->ssl, result)) {
    case SSL_ERROR_NONE:
        return OUTCOME_DONE;
    case SSL_ERROR_WANT_READ:
        *want = RELAY_READABLE;
        return OUTCOME_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *want = RELAY_WRITABLE;
        return OUTCOME_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return OUTCOME_CLOSED;
    default:
        fail_by_call(conn);
        return OUTCOME_FAILED;
    }
}

void conn_end_without_role(actpass_conn *conn, const struct verdict *verdict)
{
    struct relay_status status = relay_status(conn->relay);
    switch (verdict->cause) {
    case CAUSE_PEER_ANSWERS_AS_SERVER:
        conn_fail(conn, ACTPASS_PROTOCOL,
                  "the peer began as if it answered: a TLS server spoke first");
        break;
    case CAUSE_ALERT_FIRST:
        conn_fail(conn, ACTPASS_PROTOCOL, "the peer began with a TLS alert");
        break;
    case CAUSE_NOT_TLS:
        conn_fail(conn, ACTPASS_PROTOCOL, "what the peer sent first is not TLS");
        break;
    case CAUSE_REFLECTION:
        conn_fail(conn, ACTPASS_PROTOCOL, "our own ClientHello came back: the peer is a mirror");
        break;
    case CAUSE_HELLO_INCOMPLETE:
        if (!status.eof && !status.error && !status.cancelled)
            conn_fail(conn, ACTPASS_TIMEOUT, "the peer began a ClientHello and did not finish it");
        else
            conn_end_of_transport(conn);
        break;
    default:
        conn_end_of_transport(conn);
        break;
    }
}
