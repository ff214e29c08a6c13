/* One session: its bytes, whose it is, and whether it may be resumed. */
#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/validity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
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

bool session_peer_key(const struct sessions *sessions, const SSL *ssl, const char *peer,
                      struct store_key *key)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, sessions->client_scope, SCOPE_SIZE) == 1 &&
                EVP_DigestUpdate(digest, peer, strlen(peer) + 1) == 1 &&
                (!name || EVP_DigestUpdate(digest, name, strlen(name)) == 1) &&
                EVP_DigestFinal_ex(digest, key->bytes, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return made;
}
