/* One session: its bytes, and whether it may be resumed. */
#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/validity.h"

#include <openssl/err.h>
#include <time.h>

struct sessions *sessions_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

bool session_acceptable(const struct sessions *sessions, SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer(session);
    return validity_is_young(session, sessions->timeout_s) && validity_holds(session) &&
           (!peer || sessions->accepts(sessions->arg, peer));
}

int64_t session_lifetime_s(const struct sessions *sessions, const SSL *ssl,
                           const SSL_SESSION *session)
{
    return validity_end(ssl, session, sessions->timeout_s) - time(NULL);
}

size_t session_to_bytes(const SSL_SESSION *session, uint8_t buffer[SESSION_MAX])
{
    int size = i2d_SSL_SESSION(session, NULL);
    if (size <= 0 || size > SESSION_MAX)
        return 0;
    return (size_t)i2d_SSL_SESSION(session, &buffer);
}

SSL_SESSION *session_from_bytes(const struct sessions *sessions, const uint8_t *bytes, size_t size)
{
    const unsigned char *at = bytes;
    (void)ERR_set_mark();
    SSL_SESSION *session = size ? d2i_SSL_SESSION(NULL, &at, (long)size) : NULL;
    (void)ERR_pop_to_mark();
    if (session && at == bytes + size && session_acceptable(sessions, session))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}
