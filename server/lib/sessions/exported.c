#include "server/lib/sessions/exported.h"

#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/validity.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

/* What comes before the session's own bytes. All members are bytes, so there is no padding. */
struct head {
    uint8_t magic[4];
    uint8_t scope[SCOPE_SIZE];
    struct store_key peer; /* as sessions_offer uses it */
    struct store_key name; /* the same, without an address */
};

_Static_assert(sizeof(struct head) == 4 + SCOPE_SIZE + 2 * STORE_KEY, "no padding");
_Static_assert(sizeof(struct head) + SESSION_MAX <= EXPORTED_MAX, "room for the largest session");

static const uint8_t magic[4] = {'A', 'P', 'S', 1};

/* ---- Export -------------------------------------------------------------------------------- */

static bool make_head(const struct sessions *sessions, const SSL *ssl, const char *peer,
                      struct head *head)
{
    memcpy(head->magic, magic, sizeof(magic));
    memcpy(head->scope, sessions->client_scope, SCOPE_SIZE);
    return session_peer_key(sessions, ssl, peer, &head->peer) &&
           session_peer_key(sessions, ssl, "", &head->name);
}

size_t sessions_export(const struct sessions *sessions, SSL *ssl, const char *peer,
                       uint8_t buffer[EXPORTED_MAX])
{
    struct head head;
    SSL_SESSION *session = sessions->clients && !SSL_is_server(ssl) ? SSL_get1_session(ssl) : NULL;
    size_t size = 0;
    (void)ERR_set_mark();
    if (session && SSL_SESSION_is_resumable(session) && validity_note(ssl, session) &&
        make_head(sessions, ssl, peer, &head)) {
        memcpy(buffer, &head, sizeof(head));
        size = session_to_bytes(session, buffer + sizeof(head));
    }
    (void)ERR_pop_to_mark();
    SSL_SESSION_free(session);
    return size ? sizeof(head) + size : 0;
}

/* ---- Import -------------------------------------------------------------------------------- */

/* The caller frees the session. NULL with error. */
static SSL_SESSION *read_exported(const struct sessions *sessions, const uint8_t *bytes,
                                  size_t size, struct head *head, struct error_text *error)
{
    if (!sessions->clients) {
        error_set(error, "sessions are off in this configuration");
        return NULL;
    }
    if (size <= sizeof(*head) || size > EXPORTED_MAX || memcmp(bytes, magic, sizeof(magic)) != 0) {
        error_set(error, "these are not the bytes of an exported session");
        return NULL;
    }
    memcpy(head, bytes, sizeof(*head));
    if (memcmp(head->scope, sessions->client_scope, SCOPE_SIZE) != 0) {
        error_set(error, "the session was made under other settings, such as other peer names or "
                         "CAs, and cannot be used with these");
        return NULL;
    }
    SSL_SESSION *session =
        session_from_bytes(sessions, bytes + sizeof(*head), size - sizeof(*head));
    if (!session)
        error_set(error, "the session has expired, is damaged, or its peer is not accepted any "
                         "more");
    return session;
}

bool sessions_check_exported(const struct sessions *sessions, const uint8_t *bytes, size_t size,
                             struct error_text *error)
{
    struct head head;
    SSL_SESSION *session = read_exported(sessions, bytes, size, &head, error);
    SSL_SESSION_free(session);
    return session;
}

bool sessions_add_exported(struct sessions *sessions, const uint8_t *bytes, size_t size,
                           struct error_text *error)
{
    struct head head;
    SSL_SESSION *session = read_exported(sessions, bytes, size, &head, error);
    if (!session)
        return false;
    clients_put(sessions->clients, &head.peer, bytes + sizeof(head), size - sizeof(head),
                SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION,
                validity_left_s(session, sessions->timeout_s));
    SSL_SESSION_free(session);
    return true;
}

void sessions_offer_exported(const struct sessions *sessions, SSL *ssl, const uint8_t *bytes,
                             size_t size)
{
    struct head head;
    struct store_key name;
    struct error_text error;
    SSL_SESSION *session = read_exported(sessions, bytes, size, &head, &error);
    (void)ERR_set_mark();
    if (session && session_peer_key(sessions, ssl, "", &name) &&
        CRYPTO_memcmp(&name, &head.name, sizeof(name)) == 0)
        (void)SSL_set_session(ssl, session); /* OpenSSL does not take a session that does not fit */
    (void)ERR_pop_to_mark();
    SSL_SESSION_free(session);
}
