/* Resumption between two contexts of ours: that it happens, with every store, and when it must not.
 */
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

static void set_up(void)
{
    pair = test_pair_new();
    test_write_text(pair->folder, "keys", ONE);
}

static void tear_down(void)
{
    (void)unlink(test_folder_path(pair->folder, "store"));
    (void)unlink(test_folder_path(pair->folder, "store-lock"));
    test_pair_free(pair);
}

TestSuite(sessions_resumption, .init = set_up, .fini = tear_down, .timeout = 60);

/* Good settings of an end; its own name is left.example or right.example, and it expects the other.
 */
static struct config_tls settings(size_t end, enum config_sessions_kind kind)
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

static struct tls_context *make(const char *service, const struct config_tls *tls)
{
    struct error_text error;
    struct tls_context *context =
        tls_context_new((struct tls_owner){service, NULL}, tls, CONFIG_ROLE_AUTO, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static struct tls_context *server_of(enum config_sessions_kind kind)
{
    struct config_tls tls = settings(0, kind);
    return make("service", &tls);
}

static struct tls_context *client_of(void)
{
    struct config_tls tls = settings(1, CONFIG_SESSIONS_MEMORY);
    return make("service", &tls);
}

/* What a connection came to. */
enum outcome { FULL, RESUMED, FAILED };

static bool judge(struct tls_context *context, SSL *ssl, const struct test_side *side)
{
    struct error_text error;
    return side->up && tls_context_accepts(context, ssl, &error);
}

static void end(SSL *ssl)
{
    tls_context_done(ssl);
    SSL_free(ssl);
}

static enum outcome meet_at(struct tls_context *server, struct tls_context *client, int version,
                            const char *peer)
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

static enum outcome meet(struct tls_context *server, struct tls_context *client, int version)
{
    return meet_at(server, client, version, PEER);
}

/* ---- That it happens ------------------------------------------------------------------------ */

Test(sessions_resumption, with_every_store)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i++) {
        int version = versions[i % 2];
        struct tls_context *server = server_of(kinds[i / 2]), *client = client_of();
        cr_assert_eq(meet(server, client, version), FULL, "row %zu", i);
        for (int j = 0; j < 5; j++)
            cr_assert_eq(meet(server, client, version), RESUMED, "row %zu, time %d", i, j);
        tls_context_free(client);
        tls_context_free(server);
    }
}

Test(sessions_resumption, not_with_off)
{
    for (size_t i = 0; i < 2 * COUNT(versions); i++) {
        bool at_server = i / 2;
        struct config_tls tls =
            settings(1, at_server ? CONFIG_SESSIONS_MEMORY : CONFIG_SESSIONS_OFF);
        struct tls_context *client = make("service", &tls);
        struct tls_context *server =
            server_of(at_server ? CONFIG_SESSIONS_OFF : CONFIG_SESSIONS_MEMORY);
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* Two contexts are two processes, or one that was started anew. */
Test(sessions_resumption, what_outlives_a_context)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i++) {
        enum outcome wanted = kinds[i / 2] == CONFIG_SESSIONS_MEMORY ? FULL : RESUMED;
        struct tls_context *server = server_of(kinds[i / 2]), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        tls_context_free(server);
        server = server_of(kinds[i / 2]);
        cr_assert_eq(meet(server, client, versions[i % 2]), wanted, "row %zu", i);
        tls_context_free(client);
        tls_context_free(server);
    }
}

Test(sessions_resumption, only_for_the_same_address)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        cr_assert_eq(meet_at(server, client, versions[i], "other.example:443"), FULL);
        cr_assert_eq(meet_at(server, client, versions[i], NULL), FULL);
        cr_assert_eq(meet(server, client, versions[i]), RESUMED);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* RFC 8446 appendix C.4: two connections with one ticket could be told to be of one client. */
Test(sessions_resumption, a_ticket_of_tls_13_is_offered_once)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        for (int j = 0; j < 2; j++) {
            SSL *theirs = tls_context_ssl(client, ROLE_CLIENT);
            tls_context_offer(client, theirs, PEER);
            cr_assert_eq(!!SSL_get_session(theirs), j == 0 || versions[i] == TLS1_2_VERSION,
                         "TLS %x, time %d", versions[i], j);
            end(theirs);
        }
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* What the peer does not get on with is not offered again. */
Test(sessions_resumption, forgotten_after_a_failure)
{
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        SSL *theirs = tls_context_ssl(client, ROLE_CLIENT);
        tls_context_offer(client, theirs, PEER);
        tls_context_failed(client, theirs);
        end(theirs);
        cr_assert_eq(meet(server, client, versions[i]), FULL);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* A fatal alert ends the session, too (RFC 5246 section 7.2); that TCP just ends does not. */
Test(sessions_resumption, not_after_a_fatal_alert)
{
    for (int alert = 0; alert < 2; alert++) {
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        SSL_set_max_proto_version(theirs, TLS1_2_VERSION);
        tls_context_offer(client, theirs, PEER);
        cr_assert(test_handshake_run(ours, theirs).client.up);
        char byte;
        if (alert) { /* a record that does not decrypt */
            static const unsigned char bad[] = {0x17, 3,  3,  0,  30, 1,  2,  3,  4,  5,  6,  7,
                                                8,    9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
                                                20,   21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
            cr_assert_eq(BIO_write(SSL_get_wbio(theirs), bad, sizeof(bad)), sizeof(bad));
            cr_assert_leq(SSL_read(ours, &byte, 1), 0);
            ERR_clear_error();
        }
        end(theirs);
        end(ours);
        cr_assert_eq(meet(server, client, TLS1_2_VERSION), alert ? FULL : RESUMED);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* The lifetime that is configured ends. */
Test(sessions_resumption, until_the_timeout)
{
    enum { ROWS = COUNT(kinds) * COUNT(versions) };
    struct tls_context *servers[ROWS], *clients[ROWS];
    bool ended[ROWS] = {false};
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct config_tls tls = settings(0, kinds[i / 2]);
        tls.session_timeout_ms = 1000;
        servers[i] = make("service", &tls);
        clients[i] = client_of();
        cr_assert_eq(meet(servers[i], clients[i], versions[i % 2]), FULL);
    }
    for (int turn = 0; turn < 10 && count < ROWS; turn++) {
        pause_ms(1500); /* each TLS 1.3 connection gives a new one, which must get old, too */
        for (size_t i = 0; i < ROWS; i++)
            if (!ended[i] && (ended[i] = meet(servers[i], clients[i], versions[i % 2]) == FULL))
                count++;
    }
    cr_assert_eq(count, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        tls_context_free(clients[i]);
        tls_context_free(servers[i]);
    }
}

/* One that is used all the time ends, too: a session counts from the full handshake, however often
 * TLS 1.3 (or TLS 1.2, when the ticket's key is an old one) has put another in its place. In both
 * roles. */
Test(sessions_resumption, from_the_full_handshake)
{
    enum { ROWS = COUNT(kinds) * COUNT(versions) * 2, TURNS = 40 };
    struct tls_context *servers[ROWS], *clients[ROWS];
    int ended[ROWS] = {0}, count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        struct config_tls server = settings(0, kinds[i / 4]);
        struct config_tls client = settings(1, CONFIG_SESSIONS_MEMORY);
        (i / 2 % 2 ? &client : &server)->session_timeout_ms = 3000;
        servers[i] = make("service", &server);
        clients[i] = make("service", &client);
        cr_assert_eq(meet(servers[i], clients[i], versions[i % 2]), FULL);
    }
    test_write_text(pair->folder, "keys", TWO ONE);
    for (int turn = 1; turn <= TURNS && count < ROWS; turn++) {
        pause_ms(250);
        for (size_t i = 0; i < ROWS; i++)
            if (!ended[i] && meet(servers[i], clients[i], versions[i % 2]) == FULL) {
                ended[i] = turn;
                count++;
            }
    }
    cr_assert_eq(count, ROWS, "%d of %d have ended", count, (int)ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert(ended[i] > 1, "row %zu: %d", i, ended[i]);
        cr_assert_eq(meet(servers[i], clients[i], versions[i % 2]), RESUMED, "the next begins");
        tls_context_free(clients[i]);
        tls_context_free(servers[i]);
    }
}

/* ---- Keys ----------------------------------------------------------------------------------- */

Test(sessions_resumption, keys_that_change)
{
    static const struct {
        const char *then, *now;
        enum outcome outcome;
    } rows[] = {{ONE, TWO ONE, RESUMED}, {TWO ONE, ONE TWO, RESUMED}, {ONE, TWO, FULL}};
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds) * COUNT(versions); i++) {
        enum config_sessions_kind kind = kinds[i / 2 % COUNT(kinds)];
        size_t row = i / 2 / COUNT(kinds);
        if (kind == CONFIG_SESSIONS_MEMORY)
            continue;
        test_write_text(pair->folder, "keys", rows[row].then);
        struct tls_context *server = server_of(kind), *client = client_of();
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        tls_context_free(server);
        test_write_text(pair->folder, "keys", rows[row].now);
        server = server_of(kind);
        cr_assert_eq(meet(server, client, versions[i % 2]), rows[row].outcome, "row %zu", i);
        cr_assert_eq(meet(server, client, versions[i % 2]), RESUMED, "row %zu", i);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* ---- When it must not ----------------------------------------------------------------------- */

/* Settings of a server that are not those under which the session was made. */
static struct tls_context *changed(enum config_sessions_kind kind, int what)
{
    static struct config_peer_name both[2];
    static struct config_pin pins[1];
    struct config_tls tls = settings(0, kind);
    const char *service = "service";
    both[0] = tls.peer_names.items[0];
    both[1] = test_peer_name("more.example");
    pins[0] = test_pin(pair->ends[1].pin);
    switch (what) {
    case 0:
        tls.peer_names = (struct config_peer_names){both, 2};
        break;
    case 1:
        tls.client_auth = CONFIG_CLIENT_AUTH_REQUEST;
        break;
    case 2:
        tls.peer_pins = (struct config_pins){pins, 1};
        break;
    case 3:
        tls.ciphersuites = (char *)"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
        break;
    default:
        service = "other";
    }
    return make(service, &tls);
}

Test(sessions_resumption, not_under_another_policy_or_service)
{
    enum { CHANGES = 5 };
    for (size_t i = 0; i < CHANGES * COUNT(kinds) * COUNT(versions); i++) {
        enum config_sessions_kind kind = kinds[i / 2 % COUNT(kinds)];
        int what = (int)(i / 2 / COUNT(kinds));
        struct tls_context *server = server_of(kind), *client = client_of();
        struct tls_context *other = changed(kind, what);
        cr_assert_eq(meet(server, client, versions[i % 2]), FULL);
        cr_assert_eq(meet(other, client, versions[i % 2]), FULL, "change %d, row %zu", what, i);
        cr_assert_eq(meet(other, client, versions[i % 2]), RESUMED, "change %d, row %zu", what, i);
        tls_context_free(other);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* A session that one end has from a connection in one role does nothing in the other (hazard 33).
 */
Test(sessions_resumption, not_in_another_role)
{
    for (size_t i = 0; i < COUNT(kinds) * COUNT(versions); i++) {
        struct config_tls left = settings(0, kinds[i / 2]), right = settings(1, kinds[i / 2]);
        struct tls_context *one = make("service", &left), *two = make("service", &right);
        cr_assert_eq(meet(one, two, versions[i % 2]), FULL);
        cr_assert_eq(meet(two, one, versions[i % 2]), FULL);
        cr_assert_eq(meet(one, two, versions[i % 2]), RESUMED);
        cr_assert_eq(meet(two, one, versions[i % 2]), RESUMED);
        tls_context_free(two);
        tls_context_free(one);
    }
}

/* Names and pins are compared again, whatever OpenSSL resumes: here a client is made to offer a
 * session that another policy made. */
Test(sessions_resumption, the_peer_is_looked_at_again)
{
    static struct config_peer_name other_names[] = {{.text = "elsewhere.example"}};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct error_text error;
        struct config_tls tls = settings(1, CONFIG_SESSIONS_MEMORY);
        struct tls_context *server = server_of(CONFIG_SESSIONS_MEMORY), *client = client_of();
        tls.peer_names = (struct config_peer_names){other_names, 1};
        struct tls_context *strict = make("service", &tls);
        SSL *ours = tls_context_ssl(server, ROLE_SERVER),
            *theirs = tls_context_ssl(client, ROLE_CLIENT);
        SSL_set_max_proto_version(theirs, versions[i]);
        cr_assert(test_handshake_run(ours, theirs).client.up);
        SSL_SESSION *session = SSL_get1_session(theirs);
        cr_assert(tls_context_accepts(client, theirs, &error), "%s", error.text);
        end(theirs);
        end(ours);

        ours = tls_context_ssl(server, ROLE_SERVER);
        theirs = tls_context_ssl(strict, ROLE_CLIENT);
        unsigned size;
        const unsigned char *scope = SSL_SESSION_get0_id_context(session, &size);
        cr_assert(SSL_set_max_proto_version(theirs, versions[i]) &&
                  SSL_set_session_id_context(theirs, scope, size) &&
                  SSL_set_session(theirs, session));
        cr_assert(test_handshake_run(ours, theirs).client.up);
        cr_assert(SSL_session_reused(theirs), "what the check is for does not happen");
        cr_assert_not(tls_context_accepts(strict, theirs, &error));
        cr_assert(strstr(error.text, "the peer's certificate is refused"), "%s", error.text);
        end(theirs);
        end(ours);
        SSL_SESSION_free(session);
        tls_context_free(strict);
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* A context whose certificate, or that of the authority which it shows with it, is good for eight
 * seconds. */
static struct tls_context *short_lived(size_t end, const struct test_identity *ca, bool authority,
                                       enum config_sessions_kind kind)
{
    char names[64];
    snprintf(names, sizeof(names), "DNS:%s", pair->ends[end].name);
    struct test_identity *brief = test_identity_new(
        &(struct test_identity_options){.issuer = ca,
                                        .names = authority ? NULL : names,
                                        .common_name = authority ? "between" : NULL,
                                        .ca = authority,
                                        .from_s = -60,
                                        .until_s = 8});
    struct test_identity *identity = authority ? test_leaf_new(brief, names) : brief;
    struct config_tls tls = settings(end, kind);
    tls.ca = (char *)test_write_certificate(pair->folder, "short-ca.pem", ca);
    tls.certificate = (char *)test_write_certificate(pair->folder, "short.pem", identity);
    tls.key = (char *)test_write_key(pair->folder, "short.key", identity, NULL);
    struct tls_context *context = make("service", &tls);
    test_identity_free(identity);
    if (authority)
        test_identity_free(brief);
    return context;
}

static struct tls_context *long_lived(size_t end, const struct test_identity *ca,
                                      enum config_sessions_kind kind)
{
    char names[64];
    snprintf(names, sizeof(names), "DNS:%s", pair->ends[end].name);
    struct test_identity *identity = test_leaf_new(ca, names);
    struct config_tls tls = settings(end, kind);
    tls.ca = (char *)test_write_certificate(pair->folder, "long-ca.pem", ca);
    tls.certificate = (char *)test_write_certificate(pair->folder, "long.pem", identity);
    tls.key = (char *)test_write_key(pair->folder, "long.key", identity, NULL);
    struct tls_context *context = make("service", &tls);
    test_identity_free(identity);
    return context;
}

/* As soon as the client's or the server's certificate expires, or one that vouches for it, its
 * sessions are as good as none: the handshake is a full one, in which the certificate is refused.
 */
Test(sessions_resumption, not_when_the_certificate_has_expired)
{
    enum { ROWS = 4 * COUNT(kinds) * COUNT(versions) };
    struct tls_context *ends[ROWS][2];
    bool refused[ROWS] = {false};
    size_t count = 0;
    struct test_identity *ca = test_ca_new("short");
    for (size_t i = 0; i < ROWS; i++) {
        size_t brief = i / 2 % 2;   /* which end's certificate expires */
        bool authority = i / 4 % 2; /* or the one above it */
        ends[i][brief] = short_lived(brief, ca, authority, kinds[i / 8]);
        ends[i][!brief] = long_lived(!brief, ca, kinds[i / 8]);
        cr_assert_eq(meet(ends[i][0], ends[i][1], versions[i % 2]), FULL, "row %zu", i);
        cr_assert_eq(meet(ends[i][0], ends[i][1], versions[i % 2]), RESUMED, "row %zu", i);
    }
    for (int turn = 0; turn < 1000 && count < ROWS; turn++) {
        pause_ms(20);
        for (size_t i = 0; i < ROWS; i++) {
            enum outcome outcome =
                refused[i] ? FULL : meet(ends[i][0], ends[i][1], versions[i % 2]);
            refused[i] = refused[i] || outcome == FAILED;
            count += outcome == FAILED;
        }
    }
    cr_assert_eq(count, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        tls_context_free(ends[i][0]);
        tls_context_free(ends[i][1]);
    }
    test_identity_free(ca);
}

/* ---- What cannot be used -------------------------------------------------------------------- */

#ifdef HAVE_LMDB
Test(sessions_resumption, a_store_that_cannot_be_used)
{
    struct error_text error;
    struct config_tls tls = settings(0, CONFIG_SESSIONS_FILE);
    tls.sessions.path = (char *)"/nonexistent/store";
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "make the folder first"), "%s", error.text);
    tls = settings(0, CONFIG_SESSIONS_FILE);
    tls.session_key_file = NULL;
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "sessions: keeps secrets outside of this process"), "%s",
              error.text);
    tls.session_key_file = (char *)"/nonexistent/keys";
    cr_assert_null(tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "session_key_file /nonexistent/keys"), "%s", error.text);
}
#endif
