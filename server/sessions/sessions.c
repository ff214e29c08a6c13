/* Session resumption: what OpenSSL asks for. */
#include "server/sessions/sessions.h"

#include "relay/clock.h"
#include "server/sessions/clients.h"
#include "server/sessions/seal.h"
#include "server/sessions/store.h"
#include "server/sessions/tickets.h"
#include "server/sessions/trouble.h"
#include "server/sessions/validity.h"
#include "server/tls/error.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One ticket a connection: a client that wants more connections at once gets one with each. */
enum { TICKETS = 1, SEALED_MOST = STORE_RECORD - SEAL_OVERHEAD };

struct sessions {
    const struct policy *policy;
    enum config_sessions_kind kind;
    int64_t timeout_s;
    struct store *store;     /* NULL: off, or tickets */
    struct keyring *keyring; /* NULL: off, or memory */
    struct clients *clients; /* NULL: off */
    struct trouble trouble;
    uint8_t scope[2][SCOPE_SIZE]; /* of client and server; constant once the contexts are made */
};

static struct sessions *of_ctx(const SSL_CTX *ctx)
{
    return SSL_CTX_get_app_data(ctx);
}

static struct sessions *of_ssl(const SSL *ssl)
{
    return of_ctx(SSL_get_SSL_CTX(ssl));
}

/* The keys as they are now. A file that cannot be read is a trouble, not an end. */
static struct key_set *hold_keys(struct sessions *sessions)
{
    struct tls_error error;
    if (!keyring_refresh(sessions->keyring, &error))
        trouble_note(&sessions->trouble, error.text);
    return keyring_hold(sessions->keyring);
}

/* Whatever becomes of a session, its peer must still be one that we accept. */
static bool is_acceptable(const struct sessions *sessions, SSL_SESSION *session)
{
    struct tls_error error;
    X509 *peer = SSL_SESSION_get0_peer(session);
    return validity_holds(session) && (!peer || policy_accepts(sessions->policy, peer, &error));
}

/* Seconds for which a session that was just made may be kept. */
static int64_t lifetime_s(const struct sessions *sessions, const SSL *ssl,
                          const SSL_SESSION *session)
{
    int64_t left = validity_end(ssl, session) - time(NULL);
    return left < sessions->timeout_s ? left : sessions->timeout_s;
}

/* ---- Records ------------------------------------------------------------------------------ */

/* What a record is for: the scope and the session's id. */
struct purpose {
    uint8_t bytes[SCOPE_SIZE + SSL_MAX_SSL_SESSION_ID_LENGTH];
    size_t size;
    struct store_key key;
};

static bool make_purpose(const struct sessions *sessions, const unsigned char *id, size_t size,
                         struct purpose *purpose)
{
    if (size == 0 || size > SSL_MAX_SSL_SESSION_ID_LENGTH)
        return false;
    memcpy(purpose->bytes, sessions->scope[true], SCOPE_SIZE);
    memcpy(purpose->bytes + SCOPE_SIZE, id, size);
    purpose->size = SCOPE_SIZE + size;
    return EVP_Digest(purpose->bytes, purpose->size, purpose->key.bytes, NULL, EVP_sha256(),
                      NULL) == 1;
}

static size_t seal_record(struct sessions *sessions, const struct purpose *purpose,
                          const uint8_t *plain, size_t size, uint8_t *sealed)
{
    struct key_set *keys = hold_keys(sessions);
    struct seal_purpose bound = {purpose->bytes, purpose->size};
    size_t made = seal(keys, bound, plain, size, sealed);
    key_set_release(keys);
    return made;
}

static size_t open_record(struct sessions *sessions, const struct purpose *purpose,
                          const uint8_t *sealed, size_t size, uint8_t *plain)
{
    struct key_set *keys = hold_keys(sessions);
    struct seal_purpose bound = {purpose->bytes, purpose->size};
    bool opened = seal_open(keys, bound, sealed, size, plain);
    key_set_release(keys);
    return opened ? size - SEAL_OVERHEAD : 0;
}

static void note_result(struct sessions *sessions, enum store_result result,
                        const struct store_problem *problem)
{
    if (result == STORE_FAILED)
        trouble_note(&sessions->trouble, problem->text);
}

/* The session as bytes; 0: it is too large or there is no memory. */
static size_t to_bytes(const SSL_SESSION *session, uint8_t buffer[SEALED_MOST])
{
    int size = i2d_SSL_SESSION(session, NULL);
    if (size <= 0 || size > SEALED_MOST)
        return 0;
    return (size_t)i2d_SSL_SESSION(session, &buffer);
}

/* NULL: no session, or one that is not to be resumed. */
static SSL_SESSION *from_bytes(const struct sessions *sessions, const uint8_t *bytes, size_t size)
{
    const unsigned char *at = bytes;
    (void)ERR_set_mark();
    SSL_SESSION *session = size ? d2i_SSL_SESSION(NULL, &at, (long)size) : NULL;
    (void)ERR_pop_to_mark();
    if (session && at == bytes + size && is_acceptable(sessions, session))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

/* ---- As server, with a store -------------------------------------------------------------- */

static void put(struct sessions *sessions, const struct purpose *purpose, const uint8_t *plain,
                size_t size, int64_t lifetime)
{
    uint8_t sealed[STORE_RECORD];
    struct store_problem problem;
    const uint8_t *record = plain;
    if (sessions->keyring) {
        size = seal_record(sessions, purpose, plain, size, sealed);
        record = sealed;
    }
    if (size)
        note_result(sessions,
                    store_put(sessions->store, &purpose->key, record, size, lifetime, &problem),
                    &problem);
}

static int on_new(SSL *ssl, SSL_SESSION *session)
{
    struct sessions *sessions = of_ssl(ssl);
    struct purpose purpose;
    unsigned id_size;
    uint8_t plain[SEALED_MOST];
    const unsigned char *id = SSL_SESSION_get_id(session, &id_size);
    (void)ERR_set_mark();
    int64_t lifetime = lifetime_s(sessions, ssl, session);
    if (lifetime > 0 && make_purpose(sessions, id, id_size, &purpose) &&
        validity_note(ssl, session)) {
        size_t size = to_bytes(session, plain);
        if (size)
            put(sessions, &purpose, plain, size, lifetime);
        OPENSSL_cleanse(plain, size);
    }
    (void)ERR_pop_to_mark();
    return 0; /* the session stays OpenSSL's */
}

static SSL_SESSION *on_get(SSL *ssl, const unsigned char *id, int id_size, int *copy)
{
    struct sessions *sessions = of_ssl(ssl);
    struct purpose purpose;
    struct store_problem problem;
    uint8_t record[STORE_RECORD], plain[STORE_RECORD];
    size_t size = 0;
    *copy = 0; /* the session becomes OpenSSL's */
    if (!make_purpose(sessions, id, (size_t)id_size, &purpose))
        return NULL;
    enum store_result result = store_get(sessions->store, &purpose.key, record, &size, &problem);
    note_result(sessions, result, &problem);
    if (result != STORE_DONE)
        return NULL;
    if (!sessions->keyring)
        memcpy(plain, record, size);
    else
        size = open_record(sessions, &purpose, record, size, plain);
    SSL_SESSION *session = from_bytes(sessions, plain, size);
    OPENSSL_cleanse(plain, size);
    return session;
}

/* After a fatal alert a session must not be resumed (RFC 5246 section 7.2). */
static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct sessions *sessions = of_ctx(ctx);
    struct purpose purpose;
    struct store_problem problem;
    unsigned size;
    const unsigned char *id = SSL_SESSION_get_id(session, &size);
    if (make_purpose(sessions, id, size, &purpose))
        note_result(sessions, store_remove(sessions->store, &purpose.key, &problem), &problem);
}

static void use_store(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
                                                  SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET); /* in TLS 1.3: a ticket that is but a session id */
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    SSL_CTX_sess_set_get_cb(ctx, on_get);
    SSL_CTX_sess_set_remove_cb(ctx, on_remove);
}

/* ---- As server, with tickets -------------------------------------------------------------- */

static int on_ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                          EVP_MAC_CTX *mac, int encrypt)
{
    struct key_set *keys = hold_keys(of_ssl(ssl));
    int result = tickets_keys(keys, name, iv, cipher, mac, encrypt);
    key_set_release(keys);
    return result;
}

static int on_ticket_made(SSL *ssl, void *arg)
{
    (void)arg;
    return validity_note(ssl, SSL_get_session(ssl));
}

/* A TLS 1.3 client uses a ticket once, so each that it used is made up for. */
static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t size, SSL_TICKET_STATUS status, void *arg)
{
    (void)name;
    (void)size;
    (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!opened || !is_acceptable(of_ssl(ssl), session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) >= TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

static bool use_tickets(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_keys) == 1 &&
           SSL_CTX_set_session_ticket_cb(ctx, on_ticket_made, on_ticket_opened, NULL) == 1;
}

/* Without resumption no tickets: in TLS 1.3 they are sent where nobody may be reading (hazard 15). */
static bool use_nothing(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, 0) == 1;
}

static bool use_as_server(const struct sessions *sessions, SSL_CTX *ctx)
{
    (void)SSL_CTX_set_timeout(ctx, (long)sessions->timeout_s);
    if (sessions->kind == CONFIG_SESSIONS_TICKETS)
        return SSL_CTX_set_num_tickets(ctx, TICKETS) == 1 && use_tickets(ctx);
    use_store(ctx);
    return SSL_CTX_set_num_tickets(ctx, TICKETS) == 1;
}

/* ---- As client ---------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int slot = -1; /* of an SSL's key in the table; written once, by prepare() */

static void free_key(void *parent, void *key, CRYPTO_EX_DATA *data, int index, long number,
                     void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    free(key);
}

static void prepare(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_key);
}

/* For TLS 1.2 in the handshake, for TLS 1.3 with each ticket that is read. */
static int on_new_as_client(SSL *ssl, SSL_SESSION *session)
{
    struct sessions *sessions = of_ssl(ssl);
    uint8_t bytes[SEALED_MOST];
    const struct store_key *key = SSL_get_ex_data(ssl, slot);
    (void)ERR_set_mark();
    if (key && SSL_SESSION_is_resumable(session) && validity_note(ssl, session)) {
        int64_t lifetime = lifetime_s(sessions, ssl, session);
        int64_t hint = (int64_t)SSL_SESSION_get_ticket_lifetime_hint(session);
        size_t size = to_bytes(session, bytes);
        if (size)
            clients_put(sessions->clients, key, bytes, size,
                        SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION,
                        hint > 0 && hint < lifetime ? hint : lifetime);
        OPENSSL_cleanse(bytes, size);
    }
    (void)ERR_pop_to_mark();
    return 0;
}

static bool use_as_client(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL |
                                                  SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_sess_set_new_cb(ctx, on_new_as_client);
    return true;
}

/* Whom we expect: the scope, the address that was dialed, and the name that we ask for. */
static bool make_key(const struct sessions *sessions, const SSL *ssl, const char *peer,
                     struct store_key *key)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, sessions->scope[false], SCOPE_SIZE) == 1 &&
                EVP_DigestUpdate(digest, peer, strlen(peer) + 1) == 1 &&
                (!name || EVP_DigestUpdate(digest, name, strlen(name)) == 1) &&
                EVP_DigestFinal_ex(digest, key->bytes, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return made;
}

void sessions_offer(struct sessions *sessions, SSL *ssl, const char *peer)
{
    uint8_t bytes[STORE_RECORD];
    struct store_key *key = sessions->clients ? calloc(1, sizeof *key) : NULL;
    if (!key || !make_key(sessions, ssl, peer, key) || SSL_set_ex_data(ssl, slot, key) != 1) {
        free(key);
        return;
    }
    size_t size = clients_take(sessions->clients, key, bytes);
    SSL_SESSION *session = from_bytes(sessions, bytes, size);
    OPENSSL_cleanse(bytes, size);
    (void)ERR_set_mark();
    if (session)
        (void)SSL_set_session(ssl, session); /* a session that does not fit is not offered */
    (void)ERR_pop_to_mark();
    SSL_SESSION_free(session);
}

void sessions_forget(struct sessions *sessions, SSL *ssl)
{
    const struct store_key *key = sessions->clients ? SSL_get_ex_data(ssl, slot) : NULL;
    if (key)
        clients_forget(sessions->clients, key);
}

/* ---- Both --------------------------------------------------------------------------------- */

void sessions_spare(SSL *ssl)
{
    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_SENT_SHUTDOWN);
}

bool sessions_problem(struct sessions *sessions, char *text, size_t size)
{
    return trouble_tell(&sessions->trouble, text, size);
}

bool sessions_use(struct sessions *sessions, SSL_CTX *ctx, bool server,
                  const uint8_t scope[SCOPE_SIZE])
{
    memcpy(sessions->scope[server], scope, SCOPE_SIZE);
    if (SSL_CTX_set_app_data(ctx, sessions) != 1 ||
        SSL_CTX_set_session_id_context(ctx, scope, SCOPE_SIZE) != 1)
        return false;
    if (sessions->kind == CONFIG_SESSIONS_OFF)
        return use_nothing(ctx);
    return server ? use_as_server(sessions, ctx) : use_as_client(ctx);
}

/* ---- New and free ------------------------------------------------------------------------- */

static bool has_store(enum config_sessions_kind kind)
{
    return kind != CONFIG_SESSIONS_OFF && kind != CONFIG_SESSIONS_TICKETS;
}

static bool open_parts(struct sessions *sessions, const struct config_tls *tls,
                       struct tls_error *error)
{
    const struct config_sessions *where = &tls->sessions;
    bool sealed = where->kind == CONFIG_SESSIONS_FILE || where->kind == CONFIG_SESSIONS_REDIS;
    if (where->kind == CONFIG_SESSIONS_OFF)
        return true;
    if (pthread_once(&once, prepare) || slot < 0 || !(sessions->clients = clients_new()))
        return tls_fail(error, "out of memory for sessions");
    if (sealed && !tls->session_key_file)
        return tls_fail(error,
                        "sessions outside of this process are sealed: give session_key_file");
    if ((sealed || where->kind == CONFIG_SESSIONS_TICKETS) &&
        !(sessions->keyring = keyring_new(tls->session_key_file, error)))
        return false;
    return !has_store(where->kind) || (sessions->store = store_new(where, error));
}

struct sessions *sessions_new(const struct config_tls *tls, const struct policy *policy,
                              struct tls_error *error)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions || !trouble_init(&sessions->trouble)) {
        free(sessions);
        tls_fail(error, "out of memory for sessions");
        return NULL;
    }
    sessions->policy = policy;
    sessions->kind = tls->sessions.kind;
    sessions->timeout_s = (tls->session_timeout_ms + 999) / 1000;
    if (open_parts(sessions, tls, error))
        return sessions;
    sessions_free(sessions);
    return NULL;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    store_free(sessions->store);
    keyring_free(sessions->keyring);
    clients_free(sessions->clients);
    trouble_destroy(&sessions->trouble);
    free(sessions);
}
