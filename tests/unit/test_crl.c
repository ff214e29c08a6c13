/* Revocation lists: what they keep out, in the handshake and afterwards. */
#include "server/lib/sessions/scope.h"
#include "server/lib/tls/context.h"
#include "server/lib/tls/crl.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* ---- Lists -------------------------------------------------------------------------------- */

enum list {
    FRESH,             /* of the CA: nobody */
    LISTS_DEVICE,      /* of the CA: the device */
    LISTS_MIDDLE,      /* of the CA: the CA between */
    MIDDLES,           /* of the CA between: nobody */
    MIDDLES_AND_FRESH, /* both */
    MIDDLES_AND_LISTS_MIDDLE,
    LISTS_BY_MIDDLE, /* of the CA between: the device behind it */
    OLD,             /* of the CA, out of date */
    EARLY,           /* of the CA, from tomorrow on */
    FORGED,          /* of another CA of the same name */
    NO_LIST
};

static const char *write_list(const struct world *world, enum list which)
{
    const struct test_crl fresh = {.issuer = world->ca}, middles = {.issuer = world->middle};
    const struct test_crl rows[][2] = {
        [FRESH] = {fresh},
        [LISTS_DEVICE] = {{.issuer = world->ca, .revoked = {world->shown[DEVICE]}}},
        [LISTS_MIDDLE] = {{.issuer = world->ca, .revoked = {world->middle}}},
        [MIDDLES] = {middles},
        [MIDDLES_AND_FRESH] = {middles, fresh},
        [MIDDLES_AND_LISTS_MIDDLE] = {middles, {.issuer = world->ca, .revoked = {world->middle}}},
        [LISTS_BY_MIDDLE] = {{.issuer = world->middle, .revoked = {world->shown[BY_MIDDLE]}}},
        [OLD] = {{.issuer = world->ca, .from_s = -7200, .until_s = -60}},
        [EARLY] = {{.issuer = world->ca, .from_s = 3600, .until_s = 7200}},
        [FORGED] = {{.issuer = world->stranger_ca}}};
    return which == NO_LIST ? NULL
                            : test_write_crls(world->folder, "crl.pem", rows[which],
                                              rows[which][1].issuer ? 2 : 1);
}

static struct tls_context *context_of(const struct world *world, const char *crl, bool server)
{
    struct config_peer_name names[] = {{.text = WORLD_NAME}};
    struct error_text error = {.text = ""};
    const struct config_tls tls = {.certificate = world->certificate,
                                   .key = world->key,
                                   .ca = world->ca_file,
                                   .crl = (char *)crl,
                                   .client_auth = CONFIG_CLIENT_AUTH_REQUIRE,
                                   .peer_names = {names, 1}};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls,
                        server ? CONFIG_ROLE_SERVER : CONFIG_ROLE_CLIENT, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static struct test_handshake shake(SSL *ours, SSL *theirs, bool server)
{
    return server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours);
}

/* ---- In the handshake --------------------------------------------------------------------- */

struct row {
    const char *name;
    enum shown shown;
    enum list list;
    int alert; /* 0: accepted */
    const char *text;
};

static void check_row(const struct world *world, const struct row *row, bool server, int version)
{
    struct error_text error = {.text = ""};
    struct tls_context *context = context_of(world, write_list(world, row->list), server);
    SSL *ours = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
    SSL *theirs = test_peer_new(
        &(struct test_peer){.identity = world_identity(world, row->shown), .version = version},
        !server);
    struct test_handshake handshake = shake(ours, theirs, server);
    const struct test_side *side = server ? &handshake.server : &handshake.client;
    if (row->alert) {
        cr_assert_not(side->up, "%s: it was accepted", row->name);
        cr_assert_eq(side->alert_sent, row->alert, "%s: alert %d", row->name, side->alert_sent);
        cr_assert(strstr(tls_context_refusal(ours), row->text), "%s: %s", row->name,
                  tls_context_refusal(ours));
    } else {
        cr_assert(side->up && tls_context_accepts(context, ours, &error), "%s: %s%s", row->name,
                  tls_context_refusal(ours), error.text);
    }
    cr_assert_eq(ERR_peek_error(), 0, "%s: the error queue is not empty", row->name);
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(context);
}

Test(crl, in_the_handshake)
{
    enum { REVOKED = SSL_AD_CERTIFICATE_REVOKED, NO_CRL = SSL_AD_UNKNOWN_CA };
    static const struct row rows[] = {
        {"covered", DEVICE, FRESH, 0, ""},
        {"revoked", DEVICE, LISTS_DEVICE, REVOKED, "certificate revoked (depth 0"},
        {"another one is revoked", BY_MIDDLE, MIDDLES_AND_FRESH, 0, ""},
        {"not covered", DEVICE, MIDDLES, NO_CRL, "unable to get certificate CRL (depth 0"},
        {"covered, but not the CA between", BY_MIDDLE, MIDDLES, 0, ""},
        {"the CA between is covered, but not it", BY_MIDDLE, FRESH, NO_CRL, "(depth 0"},
        {"the CA between is revoked", BY_MIDDLE, MIDDLES_AND_LISTS_MIDDLE, REVOKED,
         "certificate revoked (depth 1, subject \"CN=middle\")"},
        {"revoked by the CA between", BY_MIDDLE, LISTS_BY_MIDDLE, REVOKED, "(depth 0"},
        {"out of date", DEVICE, OLD, SSL_AD_CERTIFICATE_EXPIRED, "CRL has expired"},
        {"not yet valid", DEVICE, EARLY, SSL_AD_BAD_CERTIFICATE, "CRL is not yet valid"},
        {"forged", DEVICE, FORGED, SSL_AD_DECRYPT_ERROR, "CRL signature failure"},
    };
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct world *world = world_new();
    for (size_t i = 0; i < 4 * COUNT(rows); i++)
        check_row(world, &rows[i / 4], i & 1, versions[i >> 1 & 1]);
    world_free(world);
}

/* ---- Afterwards --------------------------------------------------------------------------- */

Test(crl, a_leaf_alone)
{
    static const struct {
        const char *name;
        enum shown shown;
        enum list list;
        const char *text; /* "": allowed */
    } rows[] = {
        {"covered", DEVICE, FRESH, ""},
        {"revoked", DEVICE, LISTS_DEVICE, "it is revoked"},
        {"not covered", DEVICE, MIDDLES, "crl holds no list of its issuer"},
        {"by the CA between", BY_MIDDLE, MIDDLES_AND_FRESH, ""},
        {"revoked by the CA between", BY_MIDDLE, LISTS_BY_MIDDLE, "it is revoked"},
        {"out of date", DEVICE, OLD, "the list of its issuer in crl is out of date"},
        {"not yet valid", DEVICE, EARLY, "the list of its issuer in crl is out of date"},
    };
    struct world *world = world_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error_text error = {.text = ""};
        STACK_OF(X509_CRL) *lists = crl_load(write_list(world, rows[i].list), &error);
        cr_assert_not_null(lists, "%s", error.text);
        cr_assert_eq(crl_allows(lists, world->shown[rows[i].shown]->certificate, &error),
                     !*rows[i].text, "%s", rows[i].name);
        cr_assert_str_eq(error.text, rows[i].text, "%s: %s", rows[i].name, error.text);
        crl_free(lists);
    }
    world_free(world);
}

/* As with a session that was made before its certificate was revoked. */
Test(crl, accepts_looks_again_after_the_handshake)
{
    struct world *world = world_new();
    for (int server = 0; server < 2; server++) {
        struct error_text error = {.text = ""};
        struct tls_context *before = context_of(world, NULL, server);
        struct tls_context *after = context_of(world, write_list(world, LISTS_DEVICE), server);
        SSL *ours = tls_context_ssl(before, server ? ROLE_SERVER : ROLE_CLIENT);
        SSL *theirs = test_peer_new(&(struct test_peer){.identity = world->shown[DEVICE]}, !server);
        (void)shake(ours, theirs, server);
        cr_assert(tls_context_accepts(before, ours, &error), "%s", error.text);
        cr_assert_not(tls_context_accepts(after, ours, &error));
        cr_assert_str_eq(error.text, "the peer's certificate is refused: it is revoked");
        SSL_free(theirs);
        SSL_free(ours);
        tls_context_free(after);
        tls_context_free(before);
    }
    world_free(world);
}

/* Other lists may revoke a CA between, which no session holds. */
Test(crl, sessions_are_of_one_set_of_lists)
{
    struct world *world = world_new();
    uint8_t scopes[3][SCOPE_SIZE] = {{1}, {1}, {1}};
    struct error_text error = {.text = ""};
    static const enum list which[] = {NO_LIST, FRESH, LISTS_MIDDLE};
    for (size_t i = 0; i < 3; i++) {
        const char *path = write_list(world, which[i]);
        STACK_OF(X509_CRL) *lists = path ? crl_load(path, &error) : NULL;
        cr_assert(scope_narrow_by_crl(scopes[i], lists));
        crl_free(lists);
    }
    cr_assert_arr_neq(scopes[0], scopes[1], SCOPE_SIZE);
    cr_assert_arr_neq(scopes[0], scopes[2], SCOPE_SIZE);
    cr_assert_arr_neq(scopes[1], scopes[2], SCOPE_SIZE);
    world_free(world);
}

/* And so contexts with other lists do not resume each other's sessions. */
Test(crl, contexts_narrow_their_scope)
{
    struct world *world = world_new();
    static const enum list which[] = {NO_LIST, FRESH, MIDDLES_AND_FRESH};
    uint8_t scopes[2 * COUNT(which)][SCOPE_SIZE];
    for (size_t i = 0; i < 2 * COUNT(which); i++) {
        bool server = i & 1;
        unsigned size = 0;
        struct tls_context *context = context_of(world, write_list(world, which[i / 2]), server);
        SSL *ours = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
        SSL *theirs = test_peer_new(&(struct test_peer){.identity = world->shown[DEVICE]}, !server);
        (void)shake(ours, theirs, server);
        const unsigned char *scope = SSL_SESSION_get0_id_context(SSL_get_session(ours), &size);
        cr_assert_eq(size, SCOPE_SIZE);
        memcpy(scopes[i], scope, SCOPE_SIZE);
        cr_assert(i < 2 || memcmp(scopes[i], scopes[i - 2], SCOPE_SIZE) != 0, "%zu", i);
        SSL_free(theirs);
        SSL_free(ours);
        tls_context_free(context);
    }
    world_free(world);
}

/* ---- Files -------------------------------------------------------------------------------- */

Test(crl, files_that_do_not_do)
{
    struct world *world = world_new();
    const struct {
        const char *path, *text;
    } rows[] = {
        {test_folder_path(world->folder, "none.pem"), "cannot be read: No such file"},
        {test_write_text(world->folder, "empty.pem", ""), "holds no revocation list"},
        {world->ca_file, "holds no revocation list"},
        {test_write_text(world->folder, "cut.pem", "-----BEGIN X509 CRL-----\nMIIBxzCCAW6gAwIB\n"),
         "holds a revocation list that cannot be read"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error_text error = {.text = ""};
        cr_assert_null(crl_load(rows[i].path, &error));
        cr_assert(strstr(error.text, rows[i].text), "%s", error.text);
        cr_assert_eq(ERR_peek_error(), 0);
    }
    world_free(world);
}
