/* What the files of session resumption share.
 *
 *   sessions.c    new, free, and what both roles need
 *   as_server.c   stores and tickets
 *   as_client.c   the table of sessions that peers gave us
 *   exported.c    a client's sessions as bytes for the user
 *   session.c     one session
 *
 * A file calls only files of the rows below its own.
 */
#ifndef ACTPASS_SERVER_SESSIONS_INTERNAL_H
#define ACTPASS_SERVER_SESSIONS_INTERNAL_H

#include "config/config.h"
#include "server/lib/sessions/clients.h"
#include "server/lib/sessions/scope.h"
#include "server/lib/sessions/seal.h"
#include "server/lib/sessions/store.h"
#include "server/lib/sessions/throttled_error.h"

#include <openssl/ssl.h>

/* The largest session that is kept. */
enum { SESSION_MAX = STORE_RECORD - SEAL_OVERHEAD };

struct sessions {
    bool (*accepts)(const void *arg, const X509 *peer);
    const void *arg;
    bool beside; /* store, keyring and scopes are those of another one */
    enum config_sessions_kind kind;
    int64_t timeout_s;
    struct store *store;     /* NULL: off, or tickets */
    struct keyring *keyring; /* NULL: off, or memory */
    struct clients *clients; /* NULL: off */
    struct throttled_error failure;
    uint8_t client_scope[SCOPE_SIZE], server_scope[SCOPE_SIZE]; /* constant once in use */
};

struct sessions *sessions_of(const SSL *ssl);

/* May the session be resumed? Its full handshake must not be too long ago, and its peer must still
 * be accepted. */
bool session_acceptable(const struct sessions *sessions, SSL_SESSION *session);

/* For how many seconds a session that was just made or renewed may be kept. */
int64_t session_lifetime_s(const struct sessions *sessions, const SSL *ssl,
                           const SSL_SESSION *session);

/* Writes the session as bytes. Returns their number; 0: too large, or no memory. */
size_t session_to_bytes(const SSL_SESSION *session, uint8_t buffer[SESSION_MAX]);

/* The caller frees it. NULL: the bytes are not a session, or one that must not be resumed. */
SSL_SESSION *session_from_bytes(const struct sessions *sessions, const uint8_t *bytes, size_t size);

/* Whose session it is: the scope, the address that was dialed, and the server name. False: no
 * memory. */
bool session_peer_key(const struct sessions *sessions, const SSL *ssl, const char *peer,
                      struct store_key *key);

/* Each sets up a context. False: no memory. */
bool sessions_use_as_server(const struct sessions *sessions, SSL_CTX *ctx);
bool sessions_use_as_client(SSL_CTX *ctx);

#endif
