#include "server/lib/sessions/sessions.h"

#include "server/lib/sessions/internal.h"
#include "server/lib/sessions/store_open.h"
#include "server/lib/sessions/validity.h"

#include <stdlib.h>
#include <string.h>

/* ---- Both --------------------------------------------------------------------------------- */

void sessions_begin(SSL *ssl)
{
    SSL_SESSION *session = SSL_is_server(ssl) ? NULL : SSL_get_session(ssl);
    if (session)
        (void)validity_note(ssl, session);
}

void sessions_spare(SSL *ssl)
{
    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_SENT_SHUTDOWN);
}

void sessions_report_to(struct sessions *sessions, void (*report)(const char *text, void *arg),
                        void *arg)
{
    throttled_error_report_to(&sessions->failure, report, arg);
}

/* Without resumption no tickets are sent: in TLS 1.3 the peer may not be reading then (hazard 15).
 */
static bool use_nothing(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, 0) == 1;
}

bool sessions_use(struct sessions *sessions, SSL_CTX *ctx, enum role role,
                  const uint8_t scope[SCOPE_SIZE])
{
    bool server = role == ROLE_SERVER;
    if (!sessions->beside)
        memcpy(server ? sessions->server_scope : sessions->client_scope, scope, SCOPE_SIZE);
    if (SSL_CTX_set_app_data(ctx, sessions) != 1 ||
        SSL_CTX_set_session_id_context(ctx, scope, SCOPE_SIZE) != 1)
        return false;
    if (sessions->kind == CONFIG_SESSIONS_OFF)
        return use_nothing(ctx);
    return server ? sessions_use_as_server(sessions, ctx) : sessions_use_as_client(ctx);
}

/* ---- New and free ------------------------------------------------------------------------- */

static bool has_store(enum config_sessions_kind kind)
{
    return kind != CONFIG_SESSIONS_OFF && kind != CONFIG_SESSIONS_TICKETS;
}

static bool open_parts(struct sessions *sessions, const struct config_tls *tls,
                       struct error_text *error)
{
    const struct config_sessions *where = &tls->sessions;
    bool sealed = where->kind == CONFIG_SESSIONS_FILE || where->kind == CONFIG_SESSIONS_REDIS;
    if (where->kind == CONFIG_SESSIONS_OFF)
        return true;
    sessions->clients = clients_new();
    if (!sessions->clients)
        return error_set(error, "out of memory for sessions");
    if (sealed || where->kind == CONFIG_SESSIONS_TICKETS) {
        sessions->keyring = keyring_new(tls->session_key_file, error);
        if (!sessions->keyring)
            return false;
    }
    if (!has_store(where->kind))
        return true;
    sessions->store = store_open(where, error);
    return sessions->store;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    if (!sessions->beside) {
        store_free(sessions->store);
        keyring_free(sessions->keyring);
    }
    clients_free(sessions->clients);
    throttled_error_destroy(&sessions->failure);
    free(sessions);
}

static struct sessions *make(bool (*accepts)(const void *arg, const X509 *peer), const void *arg,
                             struct error_text *error)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions || !throttled_error_init(&sessions->failure)) {
        free(sessions);
        error_set(error, "out of memory for sessions");
        return NULL;
    }
    sessions->accepts = accepts;
    sessions->arg = arg;
    return sessions;
}

struct sessions *sessions_new_beside(const struct sessions *of,
                                     bool (*accepts)(const void *arg, const X509 *peer),
                                     const void *arg, struct error_text *error)
{
    struct sessions *sessions = make(accepts, arg, error);
    if (!sessions)
        return NULL;
    sessions->beside = true;
    sessions->kind = of->kind;
    sessions->timeout_s = of->timeout_s;
    sessions->store = of->store;
    sessions->keyring = of->keyring;
    memcpy(sessions->server_scope, of->server_scope, SCOPE_SIZE);
    return sessions;
}

struct sessions *sessions_new(const struct config_tls *tls,
                              bool (*accepts)(const void *arg, const X509 *peer), const void *arg,
                              struct error_text *error)
{
    struct sessions *sessions = make(accepts, arg, error);
    if (!sessions)
        return NULL;
    sessions->kind = tls->sessions.kind;
    sessions->timeout_s = (tls->session_timeout_ms + 999) / 1000;
    if (open_parts(sessions, tls, error))
        return sessions;
    sessions_free(sessions);
    return NULL;
}
