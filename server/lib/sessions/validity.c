#include "server/lib/sessions/validity.h"

#include <time.h>

enum {
    NUMBER = 8,        /* bytes, big-endian */
    NOTE = 2 * NUMBER, /* the end, then the beginning */
    SKEW_S = 60        /* another host's clock may be ahead by this */
};

/* What a session carries. */
struct note {
    int64_t end, began;
};

/* A certificate whose time cannot be read is never valid. */
static int64_t end_of(const X509 *certificate)
{
    struct tm end;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

static int64_t earlier(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t read_number(const uint8_t *data)
{
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER; i++)
        number = number << 8 | data[i];
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static void write_number(int64_t number, uint8_t *data)
{
    for (size_t i = 0; i < NUMBER; i++)
        data[i] = (uint8_t)((uint64_t)number >> (8 * (NUMBER - 1 - i)));
}

/* False: it carries none. */
static bool read_note(const SSL_SESSION *session, struct note *note)
{
    void *data = NULL;
    size_t size = 0;
    if (SSL_SESSION_get0_ticket_appdata((SSL_SESSION *)session, &data, &size) != 1 || size != NOTE)
        return false;
    *note = (struct note){read_number(data), read_number((const uint8_t *)data + NUMBER)};
    return true;
}

/* For a session that carries none, a new one. */
static struct note note_of(const SSL *ssl, const SSL_SESSION *session)
{
    struct note note;
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    if (!read_note(session, &note))
        note = (struct note){INT64_MAX, time(NULL)};
    if (leaf)
        note.end = earlier(note.end, end_of(leaf));
    for (int i = 0; i < sk_X509_num(chain); i++)
        note.end = earlier(note.end, end_of(sk_X509_value(chain, i)));
    return note;
}

int64_t validity_end(const SSL *ssl, const SSL_SESSION *session, int64_t timeout_s)
{
    struct note note = note_of(ssl, session);
    return earlier(note.end, note.began + timeout_s);
}

/* SSL_SESSION_get_time is deprecated since OpenSSL 3.4; the other one came with 3.3. */
static int64_t made_at(const SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    return (int64_t)SSL_SESSION_get_time_ex(session);
#else
    return (int64_t)SSL_SESSION_get_time(session);
#endif
}

int64_t validity_left_s(const SSL_SESSION *session, int64_t timeout_s)
{
    struct note note;
    int64_t hint = (int64_t)SSL_SESSION_get_ticket_lifetime_hint(session);
    if (!read_note(session, &note))
        return 0;
    int64_t end = earlier(note.end, note.began + timeout_s);
    if (hint > 0)
        end = earlier(end, made_at(session) + hint);
    return end - time(NULL);
}

bool validity_note(const SSL *ssl, SSL_SESSION *session)
{
    uint8_t data[NOTE];
    struct note note = note_of(ssl, session);
    write_number(note.end, data);
    write_number(note.began, data + NUMBER);
    return SSL_SESSION_set1_ticket_appdata(session, data, sizeof(data)) == 1;
}

bool validity_holds(SSL_SESSION *session)
{
    struct note note;
    X509 *leaf = SSL_SESSION_get0_peer(session);
    time_t now = time(NULL);
    return (!read_note(session, &note) || now < note.end) && (!leaf || now < end_of(leaf));
}

bool validity_is_young(const SSL_SESSION *session, int64_t timeout_s)
{
    struct note note;
    time_t now = time(NULL);
    return read_note(session, &note) && note.began <= now + SKEW_S && now - note.began < timeout_s;
}
