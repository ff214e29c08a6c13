/* The close reason: the one place that maps SSL_get_error, the error queue and what the transport
 * has seen to an actpass_end. */
#include "relay/lock.h"
#include "server/lib/base/error.h"
#include "server/lib/base/not_tls.h"
#include "server/lib/conn_internal.h"
#include "server/lib/keepalive.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

void conn_fail(actpass_conn *conn, actpass_end end, const char *why)
{
    lock_take(&conn->end_lock);
    if (conn->end == ACTPASS_OPEN) {
        error_set(&conn->error, "%s", why);
        conn->end = end;
    }
    lock_release(&conn->end_lock);
}

void conn_refuse(actpass_conn *conn, const struct error_text *why)
{
    conn_fail(conn, error_is_no_memory(why) ? ACTPASS_CANCELLED : ACTPASS_REFUSED, why->text);
}

static void fail_with(actpass_conn *conn, actpass_end end, const char *what, const char *detail)
{
    struct error_text why;
    error_set(&why, "%s: %s", what, detail);
    conn_fail(conn, end, why.text);
}

/* For a failed call of OpenSSL with an empty error queue and a transport without an error. Up to
 * OpenSSL 3 there was no memory for an entry. From 4.0 on, an SSL object that has failed once fails
 * every later call in this way, and code that uses actpass_ssl may have seen the first failure. */
static const char *silent_failure(void)
{
    return OpenSSL_version_num() < 0x40000000
               ? "out of memory in TLS"
               : "TLS cannot go on: an earlier call has failed, or there is no memory";
}

/* The peer's FIN, without close_notify. */
static void fail_by_eof(actpass_conn *conn, const struct relay_status *status)
{
    if (status->received > 0)
        conn_fail(conn, ACTPASS_TRUNCATED, "the peer ended the stream without close_notify");
    else if (status->sent > 0)
        conn_fail(conn, ACTPASS_TRUNCATED, "the peer closed without an answer to our ClientHello");
    else
        conn_fail(conn, ACTPASS_UNUSED, "the peer closed before TLS: it has sent nothing");
}

/* A route that is lost is reported where it was noticed before the time was over. */
static bool is_silence(int error)
{
    return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

static void fail_by_errno(actpass_conn *conn, int error)
{
    const struct config_keepalive *keepalive = &conn->config->connection.keepalive;
    struct error_text why;
    if (!is_silence(error) || !conn->connected ||
        !keepalive_is_on(keepalive, conn->options.dialer)) {
        fail_with(conn, ACTPASS_RESET, "the transport failed", strerror(error));
        return;
    }
    error_set(&why, "the peer has not answered for %d s (keepalive): %s",
              keepalive_seconds(keepalive), strerror(error));
    conn_fail(conn, ACTPASS_TIMEOUT, why.text);
}

void conn_end_of_transport(actpass_conn *conn)
{
    struct relay_status status = relay_status(conn->relay);
    if (status.cancelled)
        conn_fail(conn, ACTPASS_CANCELLED, "the connection was aborted on our side");
    else if (status.timed_out)
        conn_fail(conn, ACTPASS_TIMEOUT, "the peer took no data for the write timeout");
    else if (status.error)
        fail_by_errno(conn, status.error);
    else if (status.eof)
        fail_by_eof(conn, &status);
    else
        conn_fail(conn, ACTPASS_CANCELLED, silent_failure());
}

/* Alerts by which a peer refuses our certificate (RFC 8446 section 6.2). Not decrypt_error: OpenSSL
 * sends it for a certificate of a CA with the right name and another key, but every implementation
 * also sends it for a handshake that was tampered with. */
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

static bool is_not_tls(const actpass_conn *conn)
{
    return not_tls_is(conn->first, conn->first_size);
}

static bool has_seen_glare(const actpass_conn *conn)
{
    return relay_has_resolved_glare(conn->relay);
}

static bool has_asked(const actpass_conn *conn)
{
    return conn->asking == ASKING_WAITS;
}

static bool has_wrong_binding(const actpass_conn *conn)
{
    return conn->binding.failure;
}

/* Beside the reasons of libssl, of which none is negative. */
enum { REASON_ANY = -1, REASON_TRANSPORT = -2, REASON_OTHER_LIBRARY = -3, REASON_REFUSAL = -4 };

/* The reasons of another library are numbers that mean something else in libssl. OpenSSL 3.2 and
 * later report a BIO that fails as ERR_LIB_SYS (hazard 53). ERROR is 0 if the queue was empty. */
static int reason_of(unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    if (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS)
        return REASON_TRANSPORT;
    if (reason == ERR_R_MALLOC_FAILURE)
        return reason;
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return REASON_OTHER_LIBRARY;
    return is_identity_alert(reason) ? REASON_REFUSAL : reason;
}

/* The close reason for each error; the first row that applies. A text of NULL: only the detail, or
 * what the transport has seen. */
static const struct meaning {
    int reason;
    bool (*applies)(const actpass_conn *conn); /* NULL: always */
    actpass_end end;
    const char *text;
    enum conn_detail detail;
} meanings[] = {
    {REASON_TRANSPORT, NULL, ACTPASS_OPEN, NULL, DETAIL_NONE},
    {ERR_R_MALLOC_FAILURE, NULL, ACTPASS_CANCELLED, "out of memory in TLS", DETAIL_NONE},
    {REASON_OTHER_LIBRARY, NULL, ACTPASS_PROTOCOL, "TLS failed", DETAIL_OPENSSL},
    {REASON_ANY, is_not_tls, ACTPASS_PROTOCOL, NULL, DETAIL_FIRST_BYTES},
    {REASON_ANY, has_wrong_binding, ACTPASS_PROTOCOL, NULL, DETAIL_BINDING},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, NULL, ACTPASS_OPEN, NULL, DETAIL_NONE},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, NULL, ACTPASS_REFUSED, "we refused the peer's certificate",
     DETAIL_REFUSAL},
    {REASON_REFUSAL, NULL, ACTPASS_REFUSED, NULL, DETAIL_OWN_REFUSED},
    {SSL_R_UNSUPPORTED_PROTOCOL, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_VERSIONS},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_VERSIONS},
    {SSL_R_NO_SHARED_CIPHER, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_CIPHERS},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_CIPHERS},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_CIPHERS},
    {SSL_R_NO_SUITABLE_KEY_SHARE, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_GROUPS},
    {SSL_R_NO_SUITABLE_GROUPS, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_GROUPS},
    {SSL_R_NO_APPLICATION_PROTOCOL, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_PROTOCOLS},
    {SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL, NULL, ACTPASS_PROTOCOL, NULL,
     DETAIL_PROTOCOLS},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, NULL, ACTPASS_PROTOCOL, NULL, DETAIL_SERVER_NAME},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, NULL, ACTPASS_REFUSED,
     "the peer gave no certificate, which is required", DETAIL_NONE},
    /* The peer's alert after glare, as our client reads it, or as our server does: its record has
       an old version. */
    {SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE, has_seen_glare, ACTPASS_PROTOCOL, NULL,
     DETAIL_NO_GLARE_RULE},
    {SSL_R_WRONG_VERSION_NUMBER, has_seen_glare, ACTPASS_PROTOCOL, NULL, DETAIL_NO_GLARE_RULE},
    {SSL_R_NO_RENEGOTIATION, has_asked, ACTPASS_REFUSED,
     "the client refused to renegotiate, and so to give its certificate", DETAIL_NONE},
    {SSL_R_TLSV1_ALERT_DECRYPT_ERROR, NULL, ACTPASS_PROTOCOL,
     "TLS failed: the peer could not verify a signature (alert decrypt_error); often the peer "
     "trusts a different CA with the same subject name",
     DETAIL_NONE},
    {REASON_ANY, NULL, ACTPASS_PROTOCOL, "TLS failed", DETAIL_OPENSSL},
};

static const struct meaning *meaning_of(const actpass_conn *conn, int reason)
{
    const struct meaning *meaning = meanings;
    while ((meaning->reason != REASON_ANY && meaning->reason != reason) ||
           (meaning->applies && !meaning->applies(conn)))
        meaning++;
    return meaning; /* the last row applies to every error */
}

/* A text that is not there yet is written to MEMORY. */
static const char *detail_of(const actpass_conn *conn, enum conn_detail detail, unsigned long error,
                             struct error_text *memory)
{
    const char *text = ERR_reason_error_string(error);
    switch (detail) {
    case DETAIL_NONE:
        break;
    case DETAIL_OPENSSL:
        return text ? text : "unknown reason";
    case DETAIL_REFUSAL:
        return tls_context_refusal(conn->ssl);
    case DETAIL_BINDING:
        return conn->binding.failure;
    case DETAIL_NO_GLARE_RULE:
        return "both ends sent a ClientHello, and the peer knows no rule for that";
    case DETAIL_FIRST_BYTES:
        not_tls_describe(conn->first, conn->first_size, memory);
        return memory->text;
    default:
        conn_explain(conn, detail, ERR_GET_REASON(error), memory);
        return memory->text;
    }
    return NULL;
}

static void fail_by_error(actpass_conn *conn, unsigned long error)
{
    const struct meaning *meaning = meaning_of(conn, reason_of(error));
    struct error_text memory;
    const char *detail = detail_of(conn, meaning->detail, error, &memory);
    if (meaning->detail == DETAIL_NO_GLARE_RULE)
        relay_glare_failed(conn->relay);
    if (meaning->text && detail)
        fail_with(conn, meaning->end, meaning->text, detail);
    else if (meaning->text || detail)
        conn_fail(conn, meaning->end, meaning->text ? meaning->text : detail);
    else
        conn_end_of_transport(conn);
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

/* Empties the queue. Returns its first error, or one of any library that says that memory was
 * short: that is the cause of the others (hazard 53). */
static unsigned long take_error(void)
{
    unsigned long first = ERR_get_error();
    unsigned long memory = 0;
    for (unsigned long error = first; error; error = ERR_get_error())
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
            memory = error;
    return memory ? memory : first;
}

void conn_prepare(actpass_conn *conn)
{
    if (ERR_peek_error()) /* clearing walks the whole queue, even if it is empty */
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
        /* The queue before the transport: an alert says more than the reset that came after it. */
        fail_by_error(conn, take_error());
        return OUTCOME_FAILED;
    }
}

static size_t first_bytes(const actpass_conn *conn, uint8_t bytes[NOT_TLS_SHOWN])
{
    if (!conn->ssl)
        return relay_first_bytes(conn->relay, bytes, NOT_TLS_SHOWN);
    memcpy(bytes, conn->first, conn->first_size);
    return conn->first_size;
}

static void fail_by_first_bytes(actpass_conn *conn, const struct verdict *verdict)
{
    struct error_text why;
    uint8_t bytes[NOT_TLS_SHOWN];
    if (verdict->answerable)
        error_set(&why, "the peer began with a TLS record in which no handshake begins");
    else
        not_tls_describe(bytes, first_bytes(conn, bytes), &why);
    conn_fail(conn, ACTPASS_PROTOCOL, why.text);
}

bool conn_answer_http(actpass_conn *conn)
{
    uint8_t bytes[NOT_TLS_SHOWN];
    const char *answer = not_tls_http_answer();
    if (conn->role == ROLE_CLIENT || conn->end != ACTPASS_PROTOCOL ||
        !not_tls_is_http_request(bytes, first_bytes(conn, bytes)))
        return false;
    BIO *bio = conn->ssl ? SSL_get_wbio(conn->ssl) : relay_bio(conn->relay);
    bool written = bio && BIO_write(bio, answer, (int)strlen(answer)) > 0;
    if (!conn->ssl)
        BIO_free(bio);
    return written;
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
        fail_by_first_bytes(conn, verdict);
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
