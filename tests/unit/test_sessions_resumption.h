/* Shared by the tests of resumption: two contexts of ours with a store, and their handshakes. */
#ifndef ACTPASS_TESTS_UNIT_TEST_SESSIONS_RESUMPTION_H
#define ACTPASS_TESTS_UNIT_TEST_SESSIONS_RESUMPTION_H

#include "server/lib/tls/context.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"
#include "tests/support/tls_peer.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define ONE "1111111111111111111111111111111111111111111111111111111111111111\n"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222\n"
#define PEER "peer.example:443"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const enum config_sessions_kind kinds[] = {
    CONFIG_SESSIONS_MEMORY,
    CONFIG_SESSIONS_TICKETS,
#ifdef HAVE_LMDB
    CONFIG_SESSIONS_FILE,
#endif
};

static struct test_pair *pair;

/* A handshake does not wait for long for the file, which a busy machine may write slowly, and then
 * there is no session, rightly. A row that has seen this is begun again. */
static bool file_was_busy;

static inline void note_problem(const char *text, void *arg)
{
    (void)arg;
    file_was_busy = file_was_busy || strstr(text, "it was busy");
}

/* The row after ROW, or ROW once more. All its contexts must be new ones: each of them logs once a
 * minute. */
static inline size_t next_row(size_t row)
{
    bool again = file_was_busy;
    file_was_busy = false;
    return again ? row : row + 1;
}

/* What a connection came to. */
enum outcome { FULL, RESUMED, FAILED };

/* Was the handshake as WANTED? A file that was busy never makes one that resumes. */
static inline bool is_met(enum outcome outcome, enum outcome wanted)
{
    return outcome == wanted || (outcome == FULL && file_was_busy);
}

static inline void set_up(void)
{
    pair = test_pair_new();
    test_write_text(pair->folder, "keys", ONE);
}

static inline void tear_down(void)
{
    (void)unlink(test_folder_path(pair->folder, "store"));
    (void)unlink(test_folder_path(pair->folder, "store-lock"));
    test_pair_free(pair);
}

/* Good settings of an end; its own name is left.example or right.example, and it expects the other.
 */
static inline struct config_tls settings(size_t end, enum config_sessions_kind kind)
{
    static struct config_peer_name names[2][1];
    names[end][0] = test_peer_name(pair->ends[!end].name);
    return (struct config_tls){
        .certificate = (char *)pair->ends[end].certificate,
        .key = (char *)pair->ends[end].key,
        .ca = (char *)pair->ca,
        .peer_names = {names[end], 1},
        .client_auth = CONFIG_CLIENT_AUTH_REQUIRE,
        .sessions = {.kind = kind, .path = (char *)test_folder_path(pair->folder, "store")},
        .session_key_file = (char *)test_folder_path(pair->folder, "keys"),
        .session_timeout_ms = 300000};
}

static inline struct tls_context *make(const char *service, const struct config_tls *tls)
{
    struct error_text error;
    const struct tls_hooks hooks = {.log = note_problem};
    struct tls_context *context = tls_context_new_with((struct tls_owner){service, NULL}, tls,
                                                       CONFIG_ROLE_AUTO, &hooks, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static inline struct tls_context *server_of(enum config_sessions_kind kind)
{
    struct config_tls tls = settings(0, kind);
    return make("service", &tls);
}

static inline struct tls_context *client_of(void)
{
    struct config_tls tls = settings(1, CONFIG_SESSIONS_MEMORY);
    return make("service", &tls);
}

static inline bool judge(struct tls_context *context, SSL *ssl, const struct test_side *side)
{
    struct error_text error;
    return side->up && tls_context_accepts(context, ssl, &error);
}

static inline void end(SSL *ssl)
{
    tls_context_done(ssl);
    SSL_free(ssl);
}

static inline enum outcome meet_at(struct tls_context *server, struct tls_context *client,
                                   int version, const char *peer)
{
    SSL *ours = tls_context_ssl(server, ROLE_SERVER),
        *theirs = tls_context_ssl(client, ROLE_CLIENT);
    cr_assert(SSL_set_max_proto_version(theirs, version) == 1);
    if (peer)
        tls_context_offer(client, theirs, peer);
    struct test_handshake shake = test_handshake_run(ours, theirs);
    bool up = judge(server, ours, &shake.server) && judge(client, theirs, &shake.client);
    enum outcome outcome = !up ? FAILED : SSL_session_reused(ours) ? RESUMED : FULL;
    cr_assert_eq(SSL_session_reused(ours), SSL_session_reused(theirs));
    if (!up)
        tls_context_failed(client, theirs);
    end(theirs);
    end(ours);
    cr_assert_eq(ERR_peek_error(), 0, "the error queue is not empty");
    return outcome;
}

static inline enum outcome meet(struct tls_context *server, struct tls_context *client, int version)
{
    return meet_at(server, client, version, PEER);
}

#endif
