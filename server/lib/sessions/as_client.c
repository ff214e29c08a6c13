#include "server/lib/base/ssl_data.h"
#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/sessions.h"
#include "server/lib/sessions/validity.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Called by OpenSSL: in TLS 1.2 during the handshake, in TLS 1.3 for each ticket that is read. */
static int on_new_as_client(SSL *ssl, SSL_SESSION *session)
{
    struct sessions *sessions = sessions_of(ssl);
    uint8_t bytes[SESSION_MAX];
    const struct store_key *key = ssl_data_get(ssl, SSL_PART_SESSION_KEY);
    (void)ERR_set_mark();
    if (key && SSL_SESSION_is_resumable(session) && validity_note(ssl, session)) {
        int64_t lifetime = session_lifetime_s(sessions, ssl, session);
        int64_t hint = (int64_t)SSL_SESSION_get_ticket_lifetime_hint(session);
        size_t size = session_to_bytes(session, bytes);
        if (size)
            clients_put(sessions->clients, key, bytes, size,
                        SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION,
                        hint > 0 && hint < lifetime ? hint : lifetime);
        OPENSSL_cleanse(bytes, size);
    }
    (void)ERR_pop_to_mark();
    return 0;
}

bool sessions_use_as_client(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL |
                                                  SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_sess_set_new_cb(ctx, on_new_as_client);
    return true;
}

void sessions_offer(struct sessions *sessions, SSL *ssl, const char *peer)
{
    uint8_t bytes[STORE_RECORD];
    struct store_key *key = sessions->clients ? calloc(1, sizeof(*key)) : NULL;
    if (!key || !session_peer_key(sessions, ssl, peer, key)) {
        free(key);
        return;
    }
    if (!ssl_data_set(ssl, SSL_PART_SESSION_KEY, key, free))
        return;
    size_t size = clients_take(sessions->clients, key, bytes);
    SSL_SESSION *session = session_from_bytes(sessions, bytes, size);
    OPENSSL_cleanse(bytes, size);
    (void)ERR_set_mark();
    if (session)
        (void)SSL_set_session(ssl, session); /* OpenSSL does not take a session that does not fit */
    (void)ERR_pop_to_mark();
    SSL_SESSION_free(session);
}

void sessions_forget(struct sessions *sessions, SSL *ssl)
{
    const struct store_key *key =
        sessions->clients ? ssl_data_get(ssl, SSL_PART_SESSION_KEY) : NULL;
    if (key)
        clients_forget(sessions->clients, key);
}
