/* How long a session may be trusted. */
#include "server/sessions/validity.h"

#include <time.h>

enum { NOTE = 8 }; /* bytes, big-endian */

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

/* INT64_MAX: it carries none. */
static int64_t noted(const SSL_SESSION *session)
{
    void *data = NULL;
    size_t size = 0;
    uint64_t end = 0;
    if (SSL_SESSION_get0_ticket_appdata((SSL_SESSION *)session, &data, &size) != 1 || size != NOTE)
        return INT64_MAX;
    for (size_t i = 0; i < NOTE; i++)
        end = end << 8 | ((const uint8_t *)data)[i];
    return end > INT64_MAX ? INT64_MAX : (int64_t)end;
}

int64_t validity_end(const SSL *ssl, const SSL_SESSION *session)
{
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    int64_t end = leaf ? earlier(noted(session), end_of(leaf)) : noted(session);
    for (int i = 0; i < sk_X509_num(chain); i++)
        end = earlier(end, end_of(sk_X509_value(chain, i)));
    return end;
}

bool validity_note(const SSL *ssl, SSL_SESSION *session)
{
    uint8_t data[NOTE];
    uint64_t end = (uint64_t)validity_end(ssl, session);
    for (size_t i = 0; i < NOTE; i++)
        data[i] = (uint8_t)(end >> (8 * (NOTE - 1 - i)));
    return SSL_SESSION_set1_ticket_appdata(session, data, sizeof data) == 1;
}

bool validity_holds(SSL_SESSION *session)
{
    X509 *leaf = SSL_SESSION_get0_peer(session);
    time_t now = time(NULL);
    return now < noted(session) && (!leaf || now < end_of(leaf));
}
