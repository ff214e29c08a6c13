/* The extension that binds a dropped ClientHello to a handshake. Two OpenSSL ends in memory, each
 * with what it knows of glare. */
#include "relay/verdict.h"
#include "server/lib/base/ssl_data.h"
#include "server/lib/tls/binding.h"
#include "tests/support/tls_peer.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

enum { NO_GLARE = 0, NONE = -1 };
enum kind { FULL, RETRIED, RESUMED, KINDS };

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const char *const kind_names[] = {"full", "with a HelloRetryRequest", "resumed"};

/* The argument: NO_GLARE, or what the digest is filled with. */
static bool dropped(void *arg, uint8_t digest[BINDING_DIGEST])
{
    int fill = *(int *)arg;
    memset(digest, fill, BINDING_DIGEST);
    return fill != NO_GLARE;
}

struct end {
    int knows; /* of the hello that was dropped */
    bool offers;
    struct binding binding;
    SSL_CTX *ctx;
    SSL *ssl;
};

static void make_ctx(struct end *end, enum role role, int version, enum kind kind,
                     const struct test_identity *identity)
{
    static const uint8_t scope[] = "binding";
    end->ctx = SSL_CTX_new(role == ROLE_SERVER ? TLS_server_method() : TLS_client_method());
    cr_assert(ssl_data_prepare());
    cr_assert(binding_use(end->ctx));
    SSL_CTX_set_min_proto_version(end->ctx, version);
    SSL_CTX_set_max_proto_version(end->ctx, version);
    if (role == ROLE_SERVER) {
        SSL_CTX_use_certificate(end->ctx, identity->certificate);
        SSL_CTX_use_PrivateKey(end->ctx, identity->key);
        SSL_CTX_set_session_id_context(end->ctx, scope, sizeof(scope));
        if (kind == RETRIED)
            cr_assert_eq(SSL_CTX_set1_groups_list(end->ctx, "X25519"), 1);
    } else if (kind == RETRIED) {
        cr_assert_eq(SSL_CTX_set1_groups_list(end->ctx, "P-256:X25519"), 1);
    }
}

static void make_ssl(struct end *end, enum role role, SSL_SESSION *session)
{
    end->binding = (struct binding){.dropped = dropped, .arg = &end->knows, .offers = end->offers};
    end->ssl = SSL_new(end->ctx);
    cr_assert(binding_attach(end->ssl, &end->binding));
    if (role == ROLE_SERVER)
        SSL_set_accept_state(end->ssl);
    else
        SSL_set_connect_state(end->ssl);
    if (session)
        SSL_set_session(end->ssl, session);
}

struct row {
    const char *name;
    int server_knows, client_knows;
    bool offers;
    bool up;
    int alert;                  /* the client's */
    const char *client_failure; /* the beginning; NULL: none */
};

static struct test_handshake shake(struct end *server, struct end *client, SSL_SESSION *session)
{
    make_ssl(server, ROLE_SERVER, NULL);
    make_ssl(client, ROLE_CLIENT, session);
    return test_handshake_run(server->ssl, client->ssl);
}

/* One before all that is looked at. */
static SSL_SESSION *earn_session(struct end *server, struct end *client)
{
    struct test_handshake done = shake(server, client, NULL);
    cr_assert(done.client.up && done.server.up);
    SSL_SESSION *session = SSL_get1_session(client->ssl);
    SSL_shutdown(client->ssl); /* or it is taken for broken */
    SSL_free(server->ssl);
    SSL_free(client->ssl);
    return session;
}

static void check_row(const struct row *row, int version, enum kind kind)
{
    struct test_identity *identity = test_leaf_new(NULL, "DNS:front.example");
    struct end server = {0}, client = {0};
    char what[200];
    snprintf(what, sizeof(what), "%s, %s, %s", row->name, kind_names[kind],
             version == TLS1_2_VERSION ? "1.2" : "1.3");
    make_ctx(&server, ROLE_SERVER, version, kind, identity);
    make_ctx(&client, ROLE_CLIENT, version, kind, NULL);
    SSL_SESSION *session = kind == RESUMED ? earn_session(&server, &client) : NULL;
    server.knows = row->server_knows;
    client.knows = row->client_knows;
    client.offers = row->offers;
    struct test_handshake done = shake(&server, &client, session);
    cr_assert_eq(done.client.up && done.server.up, row->up, "%s", what);
    if (row->up)
        cr_assert_eq(SSL_session_reused(client.ssl), kind == RESUMED, "%s", what);
    cr_assert_eq(done.client.alert_sent, row->alert, "%s", what);
    cr_assert_eq(done.server.alert_sent, NONE, "%s", what);
    if (row->client_failure)
        cr_assert(strstr(client.binding.failure, row->client_failure), "%s: %s", what,
                  client.binding.failure);
    else
        cr_assert_null(client.binding.failure, "%s", what);
    SSL_SESSION_free(session);
    SSL_free(server.ssl);
    SSL_free(client.ssl);
    SSL_CTX_free(server.ctx);
    SSL_CTX_free(client.ctx);
    test_identity_free(identity);
}

Test(binding, what_each_end_knows)
{
    enum { ILLEGAL = SSL_AD_ILLEGAL_PARAMETER };
    static const struct row rows[] = {
        {"no glare, no offer", NO_GLARE, NO_GLARE, false, true, NONE, NULL},
        {"no glare", NO_GLARE, NO_GLARE, true, true, NONE, NULL},
        {"glare", 7, 7, true, true, NONE, NULL},
        {"the dropped hello was changed", 7, 8, true, false, ILLEGAL, "changed"},
        {"it was taken away", 7, NO_GLARE, true, false, ILLEGAL, "taken away"},
        {"it was slipped in, and is dropped", NO_GLARE, 8, true, true, NONE, NULL},
        {"the winner does not offer", 7, 8, false, true, NONE, NULL},
    };
    for (size_t v = 0; v < COUNT(versions); v++)
        for (size_t r = 0; r < COUNT(rows); r++)
            for (enum kind kind = FULL; kind < KINDS; kind++)
                if (kind != RETRIED || versions[v] == TLS1_3_VERSION)
                    check_row(&rows[r], versions[v], kind);
}

/* Without a binding of its own an SSL object is as if the extension did not exist. */
Test(binding, an_end_without_one)
{
    struct test_identity *identity = test_leaf_new(NULL, "DNS:front.example");
    for (int who = 0; who < 2; who++)
        for (size_t v = 0; v < COUNT(versions); v++) {
            struct end server = {.knows = NO_GLARE}, client = {.offers = true};
            make_ctx(&server, ROLE_SERVER, versions[v], FULL, identity);
            make_ctx(&client, ROLE_CLIENT, versions[v], FULL, NULL);
            make_ssl(&server, ROLE_SERVER, NULL);
            make_ssl(&client, ROLE_CLIENT, NULL);
            SSL *bare = who ? client.ssl : server.ssl;
            cr_assert(binding_attach(bare, NULL));
            struct test_handshake done = test_handshake_run(server.ssl, client.ssl);
            cr_assert(done.server.up && done.client.up, "%d, %zu", who, v);
            SSL_free(server.ssl);
            SSL_free(client.ssl);
            SSL_CTX_free(server.ctx);
            SSL_CTX_free(client.ctx);
        }
    test_identity_free(identity);
}

/* ---- Somebody else's extension of that number ------------------------------------------- */

enum {
    EVERYWHERE = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO |
                 SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS | SSL_EXT_TLS1_3_HELLO_RETRY_REQUEST |
                 SSL_EXT_TLS1_3_CERTIFICATE_REQUEST | SSL_EXT_TLS1_3_NEW_SESSION_TICKET
};

struct foreign {
    const char *bytes;
    size_t size;
    bool heard; /* the other end sent the extension, too */
};

static int add_foreign(SSL *ssl, unsigned type, unsigned context, const uint8_t **data,
                       size_t *size, X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    const struct foreign *foreign = arg;
    (void)ssl, (void)type, (void)context, (void)certificate, (void)chain_index, (void)alert;
    *data = (const uint8_t *)foreign->bytes;
    *size = foreign->size;
    return 1;
}

static int hear_foreign(SSL *ssl, unsigned type, unsigned context, const uint8_t *data, size_t size,
                        X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct foreign *foreign = arg;
    (void)ssl, (void)type, (void)context, (void)data, (void)size;
    (void)certificate, (void)chain_index, (void)alert;
    foreign->heard = true;
    return 1;
}

/* An end of ours, which may see glare or have seen it, meets one that uses the number for these
 * bytes. */
static void meet_foreign(enum role role, int version, struct foreign foreign, int knows,
                         bool offers)
{
    struct test_identity *identity = test_leaf_new(NULL, "DNS:front.example");
    const bool ours_is_server = role == ROLE_SERVER;
    struct end ends[2] = {{0}, {0}}; /* client, server */
    struct end *ours = &ends[ours_is_server], *theirs = &ends[!ours_is_server];
    make_ctx(ours, role, version, FULL, identity);
    theirs->ctx = SSL_CTX_new(ours_is_server ? TLS_client_method() : TLS_server_method());
    if (!ours_is_server) {
        SSL_CTX_use_certificate(theirs->ctx, identity->certificate);
        SSL_CTX_use_PrivateKey(theirs->ctx, identity->key);
    }
    SSL_CTX_set_max_proto_version(theirs->ctx, version);
    cr_assert_eq(SSL_CTX_add_custom_ext(theirs->ctx, BINDING_EXTENSION, EVERYWHERE, add_foreign,
                                        NULL, &foreign, hear_foreign, &foreign),
                 1);
    ours->knows = knows;
    ours->offers = offers;
    make_ssl(ours, role, NULL);
    theirs->ssl = SSL_new(theirs->ctx);
    if (ours_is_server)
        SSL_set_connect_state(theirs->ssl);
    else
        SSL_set_accept_state(theirs->ssl);
    struct test_handshake done = test_handshake_run(ends[1].ssl, ends[0].ssl);
    cr_assert(done.client.up && done.server.up, "we are %s, %x, %zu bytes: alerts %d, %d",
              ours_is_server ? "server" : "client", (unsigned)version, foreign.size,
              done.client.alert_sent, done.server.alert_sent);
    cr_assert_null(ours->binding.failure);
    cr_assert_eq(foreign.heard, !ours_is_server && offers,
                 "we are %s, %zu bytes: an answer of ours is nothing to somebody else",
                 ours_is_server ? "server" : "client", foreign.size);
    for (int i = 0; i < 2; i++) {
        SSL_free(ends[i].ssl);
        SSL_CTX_free(ends[i].ctx);
    }
    test_identity_free(identity);
}

static void meet_foreign_each(struct foreign foreign)
{
    for (size_t v = 0; v < COUNT(versions); v++) {
        meet_foreign(ROLE_SERVER, versions[v], foreign, NO_GLARE, false);
        meet_foreign(ROLE_CLIENT, versions[v], foreign, NO_GLARE, true);
        meet_foreign(ROLE_CLIENT, versions[v], foreign, 7, true);
        if (foreign.size > 0) /* without any bytes it is as our offer is */
            meet_foreign(ROLE_SERVER, versions[v], foreign, 7, false);
    }
}

Test(binding, what_is_not_ours_is_nothing_to_us)
{
    static const char theirs[65] = "what somebody else says, which is about as long as an answer";
    static const char like_ours[65] =
        "actpass\1, but with more or less behind it than an answer has";
    static const size_t sizes[] = {0, 1, 8, 31, 32, 33, 39, 40, 41, 64};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        meet_foreign_each((struct foreign){.bytes = theirs, .size = sizes[i]});
        if (sizes[i] != BINDING_MARK + BINDING_DIGEST)
            meet_foreign_each((struct foreign){.bytes = like_ours, .size = sizes[i]});
    }
}
