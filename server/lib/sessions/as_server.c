#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/tickets.h"
#include "server/lib/sessions/validity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

/* Tickets for each connection: a client that needs several gets one from each connection. */
enum { TICKETS = 1 };

/* The keys as they are now. With a file that cannot be read, those of before stay in use. */
static struct key_set *hold_keys(struct sessions *sessions)
{
    struct error_text error;
    if (!keyring_refresh(sessions->keyring, &error))
        throttled_error_note(&sessions->failure, &error);
    return keyring_hold(sessions->keyring);
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
    memcpy(purpose->bytes, sessions->server_scope, SCOPE_SIZE);
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
    size_t made = seal_data(keys, bound, plain, size, sealed);
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
                        const struct error_text *problem)
{
    if (result == STORE_FAILED)
        throttled_error_note(&sessions->failure, problem);
}

/* ---- As server, with a store -------------------------------------------------------------- */

static void put(struct sessions *sessions, const struct purpose *purpose, const uint8_t *plain,
                size_t size, int64_t lifetime)
{
    uint8_t sealed[STORE_RECORD];
    struct error_text problem;
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
    struct sessions *sessions = sessions_of(ssl);
    struct purpose purpose;
    unsigned id_size;
    uint8_t plain[SESSION_MAX];
    const unsigned char *id = SSL_SESSION_get_id(session, &id_size);
    (void)ERR_set_mark();
    int64_t lifetime = session_lifetime_s(sessions, ssl, session);
    if (lifetime > 0 && make_purpose(sessions, id, id_size, &purpose) &&
        validity_note(ssl, session)) {
        size_t size = session_to_bytes(session, plain);
        if (size)
            put(sessions, &purpose, plain, size, lifetime);
        OPENSSL_cleanse(plain, size);
    }
    (void)ERR_pop_to_mark();
    return 0; /* we keep no reference */
}

static SSL_SESSION *on_get(SSL *ssl, const unsigned char *id, int id_size, int *copy)
{
    struct sessions *sessions = sessions_of(ssl);
    struct purpose purpose;
    struct error_text problem;
    uint8_t record[STORE_RECORD], plain[STORE_RECORD];
    size_t size = 0;
    *copy = 0; /* OpenSSL frees the session */
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
    SSL_SESSION *session = session_from_bytes(sessions, plain, size);
    OPENSSL_cleanse(plain, size);
    return session;
}

/* After a fatal alert a session must not be resumed (RFC 5246 section 7.2). */
static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct sessions *sessions = SSL_CTX_get_app_data(ctx);
    struct purpose purpose;
    struct error_text problem;
    unsigned size;
    const unsigned char *id = SSL_SESSION_get_id(session, &size);
    if (make_purpose(sessions, id, size, &purpose))
        note_result(sessions, store_remove(sessions->store, &purpose.key, &problem), &problem);
}

static void use_store(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
                                                  SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET); /* in TLS 1.3: the ticket is only a session id */
    SSL_CTX_sess_set_new_cb(ctx, on_new);
    SSL_CTX_sess_set_get_cb(ctx, on_get);
    SSL_CTX_sess_set_remove_cb(ctx, on_remove);
}

/* ---- As server, with tickets -------------------------------------------------------------- */

static int on_ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                          EVP_MAC_CTX *mac, int encrypt)
{
    struct key_set *keys = hold_keys(sessions_of(ssl));
    int result = tickets_keys(keys, name, iv, cipher, mac, encrypt);
    key_set_release(keys);
    return result;
}

/* Tells the client for how long the ticket can be used. */
static int on_ticket_made(SSL *ssl, void *arg)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    (void)arg;
    if (!validity_note(ssl, session))
        return 0;
    int64_t left = session_lifetime_s(sessions_of(ssl), ssl, session);
    return SSL_SESSION_set_timeout(session, left > 1 ? (long)left : 1) == 1;
}

/* A TLS 1.3 client uses a ticket once, so it gets a new one for each that it used. */
static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t size, SSL_TICKET_STATUS status, void *arg)
{
    (void)name;
    (void)size;
    (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!opened || !session_acceptable(sessions_of(ssl), session))
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

bool sessions_use_as_server(const struct sessions *sessions, SSL_CTX *ctx)
{
    (void)SSL_CTX_set_timeout(ctx, (long)sessions->timeout_s);
    if (sessions->kind == CONFIG_SESSIONS_TICKETS)
        return SSL_CTX_set_num_tickets(ctx, TICKETS) == 1 && use_tickets(ctx);
    use_store(ctx);
    return SSL_CTX_set_num_tickets(ctx, TICKETS) == 1;
}
