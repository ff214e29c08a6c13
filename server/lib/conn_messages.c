/* The messages and records of TLS as they come and go: what is noted of them, and how many a peer
 * may send. */
#include "relay/clock.h"
#include "server/lib/base/error.h"
#include "server/lib/conn_internal.h"

#include <string.h>

void conn_note_time(const actpass_conn *conn, _Atomic int64_t *time_us)
{
    if (atomic_load_explicit(time_us, memory_order_relaxed) < 0)
        *time_us = clock_now_us() - relay_verdict(conn->relay).accepted_us;
}

static bool is_data(int type, uint8_t first, const SSL *ssl)
{
    /* In TLS 1.3 the header of every record has the type of application data. */
    int where = SSL_version(ssl) >= TLS1_3_VERSION ? SSL3_RT_INNER_CONTENT_TYPE : SSL3_RT_HEADER;
    return type == where && first == SSL3_RT_APPLICATION_DATA;
}

static void note_alert(actpass_conn *conn, bool sent, const uint8_t alert[2], const SSL *ssl)
{
    enum { USER_CANCELLED = 90 };
    /* In TLS 1.3 the level has no meaning (RFC 8446 section 6). */
    bool fatal = alert[0] == SSL3_AL_FATAL ||
                 (SSL_version(ssl) >= TLS1_3_VERSION && alert[1] != USER_CANCELLED);
    bool closes = alert[1] == SSL_AD_CLOSE_NOTIFY;
    if (closes && sent)
        conn->close_notify_sent = true;
    else if (closes)
        conn->peer_closed = true;
    else if (fatal && sent)
        conn->alert_sent = alert[1];
    else if (fatal)
        conn->alert_got = alert[1];
}

static void note_sent(actpass_conn *conn, const uint8_t *message, size_t length)
{
    if (message[0] == SSL3_MT_CLIENT_HELLO)
        conn_note_hello(conn);
    else if (message[0] == SSL3_MT_KEY_UPDATE && length == 5 &&
             message[4] == SSL_KEY_UPDATE_REQUESTED)
        conn->updates_asked++;
}

/* Answers to our own requests for KeyUpdates, which code that uses actpass_ssl may make, are not an
 * attack. Returns true if the message is one, and waits for one less. */
static bool take_update_answer(actpass_conn *conn, uint8_t first)
{
    if (first != SSL3_MT_KEY_UPDATE || conn->updates_asked == 0)
        return false;
    conn->updates_asked--;
    return true;
}

/* In the handshake each message comes once, except HelloRequest: OpenSSL's client skips any number
 * of them until the handshake times out. */
static bool is_bounded_by_state(const actpass_conn *conn, uint8_t first)
{
    return !conn->handshaken && first != SSL3_MT_HELLO_REQUEST;
}

/* Application data and time pay for messages of the handshake protocol. */
static void pay_messages(actpass_conn *conn, uint64_t data_bytes)
{
    enum { BYTES_EACH = 256, US_EACH = 10000 };
    int64_t now_us = clock_now_us();
    uint64_t paid = (conn->unpaid_bytes + data_bytes) / BYTES_EACH +
                    (uint64_t)(now_us - conn->paid_us) / US_EACH;
    conn->unpaid_bytes = (conn->unpaid_bytes + data_bytes) % BYTES_EACH;
    conn->paid_us = paid > 0 ? now_us : conn->paid_us;
    conn->messages_unpaid -= paid < conn->messages_unpaid ? (unsigned)paid : conn->messages_unpaid;
}

static void note_first(actpass_conn *conn, const uint8_t header[SSL3_RT_HEADER_LENGTH])
{
    if (conn->first_size > 0)
        return;
    conn->first_size = sizeof(conn->first);
    memcpy(conn->first, header, sizeof(conn->first));
}

/* The length of the data is in the record header, which comes first. */
static void note_data(actpass_conn *conn, int type, const uint8_t *bytes, size_t length,
                      const SSL *ssl)
{
    if (type == SSL3_RT_HEADER && length == SSL3_RT_HEADER_LENGTH) {
        conn->record_size = (unsigned)bytes[3] << 8 | bytes[4];
        note_first(conn, bytes);
    }
    if (!is_data(type, bytes[0], ssl))
        return;
    conn->messages = 0;
    if (conn->messages_unpaid > 0)
        pay_messages(conn, conn->record_size);
}

/* Counts the messages of the handshake protocol after the handshake. Too many without data between
 * them, or in total beyond what data and time pay for, end the connection: KeyUpdates, requests for
 * our certificate and attempts to renegotiate each make SSL_read write, and OpenSSL has no limit
 * for them (hazard 14). */
static void count_message(actpass_conn *conn)
{
    if (conn->messages_unpaid == 0)
        conn->paid_us = clock_now_us();
    pay_messages(conn, 0);
    conn->messages++;
    conn->messages_unpaid++;
    if (conn->messages <= CONN_MESSAGES_MAX && conn->messages_unpaid <= CONN_UNPAID_MESSAGES_MAX)
        return;
    /* Abort now: SSL_read returns the data that it has read before, and would hide the reason. */
    conn_fail(conn, ACTPASS_PROTOCOL,
              "the peer sent too many messages of the handshake protocol, with too little data");
    relay_abort(conn->relay);
}

static void note_received(actpass_conn *conn, const uint8_t *message, size_t length)
{
    uint8_t first = message[0];
    if (!conn->handshaken)
        peer_hello_keep(&conn->hello, message, length);
    /* Several tickets may come in a row, and they make us write nothing. */
    if (is_bounded_by_state(conn, first) || first == SSL3_MT_NEWSESSION_TICKET ||
        take_update_answer(conn, first))
        return;
    if (first == SSL3_MT_FINISHED && conn->asking == ASKING_WAITS)
        conn->asking = ASKING_ANSWERED;
    count_message(conn);
}

static void on_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl,
                       void *arg)
{
    actpass_conn *conn = arg;
    (void)version;
    if (type == SSL3_RT_ALERT && length == 2)
        note_alert(conn, sent, bytes, ssl);
    if (length == 0)
        return;
    const uint8_t first = *(const uint8_t *)bytes;
    if (is_data(type, first, ssl))
        conn_note_time(conn, &conn->first_data_us);
    if (type == SSL3_RT_HANDSHAKE && first == SSL3_MT_CLIENT_HELLO)
        conn_note_time(conn, &conn->hello_us);
    if (!sent)
        note_data(conn, type, bytes, length, ssl);
    if (type == SSL3_RT_HANDSHAKE && sent)
        note_sent(conn, bytes, length);
    else if (type == SSL3_RT_HANDSHAKE)
        note_received(conn, bytes, length);
}

void conn_follow_messages(actpass_conn *conn, SSL *ssl)
{
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, conn);
}
