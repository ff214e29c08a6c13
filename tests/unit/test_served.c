/* What a TLS server shows: certificates by server name, and an OCSP response. */
#include "server/lib/tls/context.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- A server of several names -------------------------------------------------------------- */

/* Its own certificate is of the world's: WORLD_NAME. */
struct shop {
    struct world *world;
    struct test_identity *identities[3];
    struct config_certificate certificates[3];
    struct config_tls tls;
};

static void add(struct shop *shop, size_t index, const char *common_name, char **names,
                size_t count)
{
    const char *files[] = {"0.pem", "1.pem", "2.pem"}, *keys[] = {"0.key", "1.key", "2.key"};
    struct test_identity *identity = test_identity_new(&(struct test_identity_options){
        .issuer = shop->world->ca, .common_name = common_name, .names = "DNS:unused.example"});
    shop->identities[index] = identity;
    shop->certificates[index] = (struct config_certificate){
        .server_names = {names, count},
        .certificate = (char *)test_write_certificate(shop->world->folder, files[index], identity),
        .key = (char *)test_write_key(shop->world->folder, keys[index], identity, NULL)};
}

static void shop_init(struct shop *shop)
{
    static char *wild[] = {(char *)"*.shop.example", (char *)"*.deep.shop.example"};
    static char *exact[] = {(char *)"a.shop.example", (char *)"B.Shop.Example"};
    static char *other[] = {(char *)"xn--bcher-kva.example"};
    *shop = (struct shop){.world = world_new()};
    add(shop, 0, "wild", wild, 2);
    add(shop, 1, "exact", exact, 2);
    add(shop, 2, "other", other, 1);
    shop->tls = (struct config_tls){.certificate = shop->world->certificate,
                                    .key = shop->world->key,
                                    .certificates = shop->certificates,
                                    .certificate_count = 3,
                                    .session_timeout_ms = 300000,
                                    .sessions = {.kind = CONFIG_SESSIONS_MEMORY}};
}

static void shop_free(struct shop *shop)
{
    for (size_t i = 0; i < 3; i++)
        test_identity_free(shop->identities[i]);
    world_free(shop->world);
}

static struct tls_context *open_shop(const struct shop *shop)
{
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &shop->tls, CONFIG_ROLE_SERVER, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

/* One visit, with a session to resume or without. */
struct visit {
    struct test_handshake handshake;
    char shown[64]; /* the common name of the certificate that was shown */
    SSL_SESSION *session;
    bool resumed;
    unsigned char staple[65536];
    long staple_size;
};

static void visit(struct tls_context *context, const char *name, int version, SSL_SESSION *session,
                  struct visit *visit)
{
    SSL *ours = tls_context_ssl(context, ROLE_SERVER);
    SSL *theirs = test_peer_new(&(struct test_peer){.version = version}, false);
    const unsigned char *staple;
    *visit = (struct visit){.session = NULL};
    cr_assert(!name || SSL_set_tlsext_host_name(theirs, name) == 1);
    cr_assert(SSL_set_tlsext_status_type(theirs, TLSEXT_STATUSTYPE_ocsp) == 1);
    cr_assert(!session || SSL_set_session(theirs, session) == 1);
    visit->handshake = test_handshake_run(ours, theirs);
    X509 *shown = SSL_get0_peer_certificate(theirs);
    if (shown)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, visit->shown,
                                  sizeof(visit->shown));
    visit->staple_size = SSL_get_tlsext_status_ocsp_resp(theirs, &staple);
    if (visit->staple_size > 0)
        memcpy(visit->staple, staple, (size_t)visit->staple_size);
    visit->session = SSL_get1_session(theirs);
    visit->resumed = SSL_session_reused(theirs);
    SSL_set_shutdown(theirs, SSL_SENT_SHUTDOWN); /* or its session would count as bad */
    SSL_set_shutdown(ours, SSL_SENT_SHUTDOWN);
    SSL_free(theirs);
    SSL_free(ours);
    cr_assert_eq(ERR_peek_error(), 0, "the error queue is not empty");
}

/* ---- Names ------------------------------------------------------------------------------ */

static const struct row {
    const char *name, *shown;
    bool known;
} rows[] = {
    {"a.shop.example", "exact", true},
    {"b.shop.example", "exact", true},
    {"A.SHOP.EXAMPLE", "exact", true},
    {"c.shop.example", "wild", true},
    {"C.shop.EXAMPLE", "wild", true},
    {"x.deep.shop.example", "wild", true},
    {"xn--bcher-kva.example", "other", true},
    {"shop.example", "test", false},
    {"x.y.shop.example", "test", false},
    {"a.shop.example.org", "test", false},
    {"aa.shop.exampl", "test", false},
    {"elsewhere.example", "test", false},
    {"*.shop.example", "wild", true},
    {"localhost", "test", false},
    {"unused.example", "test", false},
    {WORLD_NAME, "test", true}, /* our own certificate is for that */
    {NULL, "test", true},
};

Test(served, by_name)
{
    struct shop shop;
    shop_init(&shop);
    for (int refuse = 0; refuse < 2; refuse++) {
        shop.tls.unknown_server_name =
            refuse ? CONFIG_UNKNOWN_NAME_REFUSE : CONFIG_UNKNOWN_NAME_DEFAULT;
        struct tls_context *context = open_shop(&shop);
        for (size_t i = 0; i < 2 * COUNT(rows); i++) {
            const struct row *row = &rows[i / 2];
            const char *name = row->name ? row->name : "none";
            struct visit seen;
            visit(context, row->name, versions[i % 2], NULL, &seen);
            bool up = !refuse || row->known;
            cr_assert_eq(seen.handshake.client.up, up, "%s", name);
            cr_assert_eq(seen.handshake.server.up, up, "%s", name);
            cr_assert_eq(seen.handshake.client.alert_got, up ? -1 : SSL_AD_UNRECOGNIZED_NAME,
                         "%s: alert %d", name, seen.handshake.client.alert_got);
            cr_assert_str_eq(seen.shown, up ? row->shown : "", "%s: %s", name, seen.shown);
            SSL_SESSION_free(seen.session);
        }
        tls_context_free(context);
    }
    shop_free(&shop);
}

Test(served, sessions_are_not_mixed)
{
    static const struct {
        const char *first, *second, *shown;
        bool resumes;
    } pairs[] = {
        {"a.shop.example", "a.shop.example", "exact", true},
        {"a.shop.example", "b.shop.example", "exact", true},
        {NULL, NULL, "test", true},
        {"a.shop.example", "c.shop.example", "wild", false},
        {"c.shop.example", "a.shop.example", "exact", false},
        {"a.shop.example", NULL, "test", false},
        {NULL, "a.shop.example", "exact", false},
        {"elsewhere.example", "c.shop.example", "wild", false},
    };
    static const enum config_sessions_kind kinds[] = {CONFIG_SESSIONS_MEMORY,
                                                      CONFIG_SESSIONS_TICKETS};
    struct shop shop;
    shop_init(&shop);
    for (size_t i = 0; i < 4 * COUNT(pairs); i++) {
        size_t row = i / 4;
        struct visit first, second;
        shop.tls.sessions.kind = kinds[i / 2 % 2];
        struct tls_context *context = open_shop(&shop);
        visit(context, pairs[row].first, versions[i % 2], NULL, &first);
        visit(context, pairs[row].second, versions[i % 2], first.session, &second);
        cr_assert(first.handshake.client.up && second.handshake.client.up, "%zu", i);
        cr_assert_not(first.resumed);
        cr_assert_eq(second.resumed, pairs[row].resumes, "row %zu, %zu", row, i % 4);
        cr_assert_str_eq(second.shown, pairs[row].shown, "row %zu", row);
        SSL_SESSION_free(first.session);
        SSL_SESSION_free(second.session);
        tls_context_free(context);
    }
    shop_free(&shop);
}

/* Whoever shows any of our keys is us (hazard 30). */
Test(served, all_of_them_are_ours)
{
    struct shop shop;
    shop_init(&shop);
    shop.tls.ca = shop.world->ca_file;
    shop.tls.client_auth = CONFIG_CLIENT_AUTH_REQUIRE;
    struct tls_context *context = open_shop(&shop);
    for (size_t i = 0; i < 4; i++) {
        const struct test_identity *shown = i < 3 ? shop.identities[i] : shop.world->own;
        SSL *ours = tls_context_ssl(context, ROLE_SERVER);
        SSL *theirs = test_peer_new(&(struct test_peer){.identity = shown}, false);
        cr_assert_not(test_handshake_run(ours, theirs).server.up, "%zu", i);
        cr_assert(strstr(tls_context_refusal(ours), "its key is our own"), "%s",
                  tls_context_refusal(ours));
        SSL_free(theirs);
        SSL_free(ours);
    }
    tls_context_free(context);
    shop_free(&shop);
}

Test(served, wrong_files_are_named)
{
    struct shop shop;
    struct error_text error = {.text = ""};
    shop_init(&shop);
    shop.certificates[1].key = shop.certificates[0].key;
    cr_assert_null(
        tls_context_new((struct tls_owner){"", NULL}, &shop.tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "0.key does not match certificate"), "%s", error.text);
    shop.certificates[1].certificate = (char *)"/nowhere/x.pem";
    cr_assert_null(
        tls_context_new((struct tls_owner){"", NULL}, &shop.tls, CONFIG_ROLE_SERVER, &error));
    cr_assert_str_eq(error.text,
                     "certificate /nowhere/x.pem cannot be read: No such file or directory");
    shop_free(&shop);
}

/* ---- OCSP ------------------------------------------------------------------------------- */

struct answer {
    const struct test_identity *about;
    long until_s;                       /* 0: no nextUpdate */
    int status;                         /* of the response as a whole */
    const struct test_identity *issuer; /* NULL: the CA */
};

static const char *write_answer(const struct world *world, struct answer answer, size_t cut)
{
    unsigned char *der = NULL;
    const char *path = test_folder_path(world->folder, "ocsp.der");
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    const X509 *issuer = (answer.issuer ? answer.issuer : world->ca)->certificate;
    OCSP_CERTID *id =
        OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer),
                         X509_get0_serialNumber(answer.about->certificate));
    ASN1_TIME *from = X509_gmtime_adj(NULL, -7200);
    ASN1_TIME *until = answer.until_s ? X509_gmtime_adj(NULL, answer.until_s) : NULL;
    cr_assert(
        basic && id && from &&
        OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, until) &&
        OCSP_basic_sign(basic, world->ca->certificate, world->ca->key, EVP_sha256(), NULL, 0));
    OCSP_RESPONSE *response = OCSP_response_create(answer.status, answer.status ? NULL : basic);
    int size = i2d_OCSP_RESPONSE(response, &der);
    FILE *file = fopen(path, "we");
    cr_assert(size > 0 && file);
    size_t written = fwrite(der, 1, (size_t)size - cut, file);
    cr_assert(fclose(file) == 0 && written == (size_t)size - cut);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return path;
}

/* It is shown with the certificate that it is about, and with no other. */
Test(served, ocsp_response_is_shown)
{
    static const struct {
        const char *name;
        bool stapled;
    } visits[] = {{NULL, true}, {"elsewhere.example", true}, {"a.shop.example", false}};
    struct shop shop;
    shop_init(&shop);
    for (int with_end = 0; with_end < 2; with_end++) {
        struct answer answer = {shop.world->own, with_end ? 3600 : 0, 0, NULL};
        shop.tls.ocsp_response = (char *)write_answer(shop.world, answer, 0);
        struct tls_context *context = open_shop(&shop);
        for (size_t i = 0; i < 2 * COUNT(visits); i++) {
            struct visit seen;
            visit(context, visits[i / 2].name, versions[i % 2], NULL, &seen);
            cr_assert(seen.handshake.client.up);
            cr_assert_eq(seen.staple_size > 0, visits[i / 2].stapled, "%zu: %ld", i,
                         seen.staple_size);
            const unsigned char *at = seen.staple;
            OCSP_RESPONSE *response =
                seen.staple_size > 0 ? d2i_OCSP_RESPONSE(NULL, &at, seen.staple_size) : NULL;
            cr_assert_eq(!!response, visits[i / 2].stapled, "%zu", i);
            OCSP_RESPONSE_free(response);
            SSL_SESSION_free(seen.session);
        }
        tls_context_free(context);
    }
    shop_free(&shop);
}

Test(served, ocsp_responses_that_do_not_do)
{
    struct shop shop;
    shop_init(&shop);
    const struct {
        struct answer answer;
        size_t cut;
        const char *text;
    } answers[] = {
        {{shop.world->shown[DEVICE], 3600, 0, NULL}, 0, "is not about certificate"},
        {{shop.world->own, 3600, 0, shop.world->bound_ca}, 0, "is not about certificate"},
        {{shop.world->own, -60, 0, NULL}, 0, "is out of date: fetch a new one"},
        {{shop.world->own, 3600, OCSP_RESPONSE_STATUS_TRYLATER, NULL},
         0,
         "is not an answer but a failure (trylater)"},
        {{shop.world->own, 3600, 0, NULL}, 1, "holds no OCSP response: give one in DER form"},
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct error_text error = {.text = ""};
        shop.tls.ocsp_response =
            (char *)write_answer(shop.world, answers[i].answer, answers[i].cut);
        cr_assert_null(
            tls_context_new((struct tls_owner){"", NULL}, &shop.tls, CONFIG_ROLE_SERVER, &error));
        cr_assert(strstr(error.text, answers[i].text), "%s", error.text);
    }
    shop.tls.ocsp_response = shop.world->certificate;
    struct error_text error = {.text = ""};
    cr_assert_null(
        tls_context_new((struct tls_owner){"", NULL}, &shop.tls, CONFIG_ROLE_SERVER, &error));
    cr_assert(strstr(error.text, "holds no OCSP response"), "%s", error.text);
    shop_free(&shop);
}
