/* Verification inside real handshakes: each kind of peer, in both roles, in TLS 1.2 and 1.3. */
#include "server/lib/tls/context.h"
#include "tests/support/certs.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
enum { VERSION_COUNT = 2 };

#define NAME WORLD_NAME

/* ---- One meeting -------------------------------------------------------------------------- */

/* What our side says of its peers: "" stands for none. */
struct says {
    bool ca;
    const char *name;
    enum shown pinned; /* NOTHING: no pin */
    enum config_client_auth client_auth;
    bool any;
};

struct meeting {
    struct test_side ours, theirs;
    bool accepted; /* up, and tls_context_accepts says so */
    char refusal[512];
    char why[512]; /* of tls_context_accepts */
    long verify_result;
};

static struct tls_context *context_of(const struct world *world, const struct says *says,
                                      bool server)
{
    char pin[72];
    struct config_peer_name names[] = {test_peer_name(says->name)};
    struct config_pin pins[1];
    struct error_text error = {.text = ""};
    if (says->pinned != NOTHING)
        pins[0] = test_pin(test_identity_pin(world_identity(world, says->pinned), pin));
    const struct config_tls tls = {.certificate = world->certificate,
                                   .key = world->key,
                                   .ca = says->ca ? world->ca_file : NULL,
                                   .client_auth = says->client_auth,
                                   .insecure_any_peer = says->any,
                                   .peer_names = {names, *says->name ? 1 : 0},
                                   .peer_pins = {pins, says->pinned != NOTHING ? 1 : 0}};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls,
                        server ? CONFIG_ROLE_SERVER : CONFIG_ROLE_CLIENT, &error);
    cr_assert_not_null(context, "%s", error.text);
    return context;
}

static struct meeting meet(const struct world *world, const struct says *says, bool server,
                           int version, enum shown shown)
{
    struct meeting meeting = {.accepted = false};
    struct error_text error = {.text = ""};
    struct tls_context *context = context_of(world, says, server);
    SSL *ours = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
    SSL *theirs = test_peer_new(
        &(struct test_peer){.identity = world_identity(world, shown), .version = version}, !server);
    cr_assert_not_null(ours);
    struct test_handshake handshake =
        server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours);
    meeting.ours = server ? handshake.server : handshake.client;
    meeting.theirs = server ? handshake.client : handshake.server;
    meeting.accepted = meeting.ours.up && tls_context_accepts(context, ours, &error);
    meeting.verify_result = SSL_get_verify_result(ours);
    snprintf(meeting.refusal, sizeof(meeting.refusal), "%s", tls_context_refusal(ours));
    snprintf(meeting.why, sizeof(meeting.why), "%s", error.text);
    cr_assert_eq(ERR_peek_error(), 0, "the error queue is not empty");
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(context);
    return meeting;
}

enum { BAD = SSL_AD_BAD_CERTIFICATE, UNKNOWN_CA = SSL_AD_UNKNOWN_CA };

/* Refused inside the handshake, with this alert on both ends and this reason. */
static void check_refused(const struct meeting *meeting, const char *name, int alert,
                          const char *text)
{
    cr_assert_not(meeting->ours.up, "%s: it was accepted", name);
    cr_assert_eq(meeting->ours.reason, SSL_R_CERTIFICATE_VERIFY_FAILED, "%s: %d", name,
                 meeting->ours.reason);
    cr_assert_eq(meeting->ours.alert_sent, alert, "%s: alert %d", name, meeting->ours.alert_sent);
    cr_assert_eq(meeting->theirs.alert_got, alert, "%s: alert got", name);
    cr_assert_not(meeting->theirs.up, "%s: the peer saw nothing", name);
    cr_assert(strstr(meeting->refusal, text), "%s: %s", name, meeting->refusal);
    cr_assert_neq(meeting->verify_result, X509_V_OK, "%s: verify result", name);
}

static void check_accepted(const struct meeting *meeting, const char *name)
{
    cr_assert(meeting->accepted && meeting->theirs.up, "%s: up %d %d, %s%s", name, meeting->ours.up,
              meeting->theirs.up, meeting->refusal, meeting->why);
    cr_assert_str_eq(meeting->refusal, "", "%s", name);
    cr_assert_eq(meeting->verify_result, X509_V_OK, "%s", name);
}

struct row {
    const char *name;
    enum shown shown;
    int alert; /* 0: accepted */
    struct says says;
    const char *text;
};

static void check_rows(const struct row *rows, size_t count, bool server, int version)
{
    struct world *world = world_new();
    for (size_t i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof(name), "%s, as %s, %x", rows[i].name, server ? "server" : "client",
                 (unsigned)version);
        struct meeting meeting = meet(world, &rows[i].says, server, version, rows[i].shown);
        if (rows[i].alert)
            check_refused(&meeting, name, rows[i].alert, rows[i].text);
        else
            check_accepted(&meeting, name);
    }
    world_free(world);
}

static void check_everywhere(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        check_rows(rows, count, true, versions[i]);
        check_rows(rows, count, false, versions[i]);
    }
}

/* ---- Tests -------------------------------------------------------------------------------- */

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define SAYS(ca, name, pinned, any)                       \
    {                                                     \
        ca, name, pinned, CONFIG_CLIENT_AUTH_REQUIRE, any \
    }
#define EXPECT(name) SAYS(true, name, NOTHING, false)
#define PINNED(which) SAYS(false, "", which, false)
#define PINNED_AND_CA(which) SAYS(true, "", which, false)
#define PINNED_AND_NAME(which) SAYS(false, NAME, which, false)
#define ANY SAYS(false, "", NOTHING, true)

Test(verify, names)
{
    static const struct row rows[] = {
        {"right name", DEVICE, 0, EXPECT(NAME), ""},
        {"our wildcard", DEVICE, 0, EXPECT("*.devices.example"), ""},
        {"wrong name", OTHER_NAME, BAD, EXPECT(NAME), "DNS:a.elsewhere.example"},
        {"wrong under our wildcard", OTHER_NAME, BAD, EXPECT("*.devices.example"), "peer_names"},
        {"our wildcard is not deeper", DEVICE, BAD, EXPECT("*.example"), "peer_names"},
        {"its wildcard", WILDCARD, 0, EXPECT(NAME), ""},
        {"its wildcard is not deeper", WILDCARD, BAD, EXPECT("b.a.devices.example"), "peer_names"},
        {"the same wildcard", WILDCARD, 0, EXPECT("*.devices.example"), ""},
        {"address", BY_ADDRESS, 0, EXPECT("192.0.2.1"), ""},
        {"other address", BY_ADDRESS, BAD, EXPECT("192.0.2.2"), "192.0.2.1"},
        {"URI", BY_URI, 0, EXPECT("uri:spiffe://devices/a"), ""},
        {"other URI", BY_URI, BAD, EXPECT("uri:spiffe://devices/b"), "spiffe://devices/a"},
        {"common name only", NO_NAME, BAD, EXPECT(NAME), "no subjectAltName"},
        {"NUL in the name", NUL_NAME, BAD, EXPECT(NAME), "NUL"},
    };
    check_everywhere(rows, COUNT(rows));
}

Test(verify, chains)
{
    static const struct row rows[] = {
        {"with a CA between", BY_MIDDLE, 0, EXPECT(NAME), ""},
        {"the CA between is missing", MIDDLE_HIDDEN, UNKNOWN_CA, EXPECT(NAME), "issuer"},
        {"expired", EXPIRED, SSL_AD_CERTIFICATE_EXPIRED, EXPECT(NAME), "has expired"},
        {"not yet valid", NOT_YET, BAD, EXPECT(NAME), "not yet valid"},
        {"another CA of that name", STRANGER, SSL_AD_DECRYPT_ERROR, EXPECT(NAME), "signature"},
        {"self-signed", SELF_SIGNED, UNKNOWN_CA, EXPECT(NAME), "self-signed"},
        {"signed by a leaf", BY_LEAF, UNKNOWN_CA, EXPECT(NAME), ""},
        {"out of the CA's bounds", OUT_OF_BOUNDS, SSL_AD_CERTIFICATE_UNKNOWN, EXPECT(NAME),
         "permitted subtree"},
        {"and without SAN", OUT_OF_BOUNDS_2, SSL_AD_CERTIFICATE_UNKNOWN, EXPECT(NAME),
         "permitted subtree"},
        {"for both roles", FOR_BOTH, 0, EXPECT(NAME), ""},
    };
    check_everywhere(rows, COUNT(rows));
}

/* Hazard 31. The peer is client where we are server. */
Test(verify, extended_key_usage)
{
    static const struct row as_server[] = {
        {"a client for clients", FOR_CLIENTS, 0, EXPECT(NAME), ""},
        {"a client for servers", FOR_SERVERS, SSL_AD_UNSUPPORTED_CERTIFICATE, EXPECT(NAME),
         "purpose"},
    };
    static const struct row as_client[] = {
        {"a server for servers", FOR_SERVERS, 0, EXPECT(NAME), ""},
        {"a server for clients", FOR_CLIENTS, SSL_AD_UNSUPPORTED_CERTIFICATE, EXPECT(NAME),
         "purpose"},
    };
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        check_rows(as_server, COUNT(as_server), true, versions[i]);
        check_rows(as_client, COUNT(as_client), false, versions[i]);
    }
}

Test(verify, pins)
{
    static const struct row rows[] = {
        {"the pin alone", SELF_SIGNED, 0, PINNED(SELF_SIGNED), ""},
        {"another CA's", STRANGER, 0, PINNED(STRANGER), ""},
        {"expired, which pins do not look at", EXPIRED, 0, PINNED(EXPIRED), ""},
        {"another key", SELF_SIGNED, BAD, PINNED(OWN), "none of peer_pins"},
        {"pin and CA", DEVICE, 0, PINNED_AND_CA(DEVICE), ""},
        {"pin and not CA", SELF_SIGNED, UNKNOWN_CA, PINNED_AND_CA(SELF_SIGNED), "self-signed"},
        {"pin and CA, expired", EXPIRED, SSL_AD_CERTIFICATE_EXPIRED, PINNED_AND_CA(EXPIRED),
         "expired"},
        {"CA and not pin", DEVICE, BAD, PINNED_AND_CA(OWN), "none of peer_pins"},
        {"pin and name", SELF_SIGNED, 0, PINNED_AND_NAME(SELF_SIGNED), ""},
        {"pin and not name", OTHER_NAME, BAD, PINNED_AND_NAME(OTHER_NAME), "a.elsewhere.example"},
    };
    check_everywhere(rows, COUNT(rows));
}

/* Hazard 30: whatever is trusted, our own certificate or key is not the peer's. */
Test(verify, reflection)
{
    static const struct row rows[] = {
        {"of our CA and name", OWN, BAD, EXPECT(NAME), "our own"},
        {"pinned", OWN, BAD, PINNED(OWN), "our own"},
        {"any peer", OWN, BAD, ANY, "our own"},
        {"renewed", OWN_KEY, BAD, EXPECT(NAME), "our own"},
    };
    check_everywhere(rows, COUNT(rows));
}

Test(verify, any_peer)
{
    static const struct row rows[] = {
        {"of our CA", DEVICE, 0, ANY, ""},         {"stranger", STRANGER, 0, ANY, ""},
        {"self-signed", SELF_SIGNED, 0, ANY, ""},  {"expired", EXPIRED, 0, ANY, ""},
        {"NUL in the name", NUL_NAME, 0, ANY, ""}, {"for clients", FOR_CLIENTS, 0, ANY, ""},
        {"for servers", FOR_SERVERS, 0, ANY, ""},
    };
    check_everywhere(rows, COUNT(rows));
}

Test(verify, client_auth)
{
    static const struct {
        const char *name;
        enum config_client_auth client_auth;
        enum shown shown;
        bool passes;
    } rows[] = {
        {"not asked, none", CONFIG_CLIENT_AUTH_NONE, NOTHING, true},
        {"not asked, a wrong one", CONFIG_CLIENT_AUTH_NONE, STRANGER, true},
        {"asked, none", CONFIG_CLIENT_AUTH_REQUEST, NOTHING, true},
        {"asked, a right one", CONFIG_CLIENT_AUTH_REQUEST, DEVICE, true},
        {"asked, a wrong one", CONFIG_CLIENT_AUTH_REQUEST, OTHER_NAME, false},
        {"required, a right one", CONFIG_CLIENT_AUTH_REQUIRE, DEVICE, true},
        {"required, a wrong one", CONFIG_CLIENT_AUTH_REQUIRE, SELF_SIGNED, false},
        {"required, none", CONFIG_CLIENT_AUTH_REQUIRE, NOTHING, false},
    };
    struct world *world = world_new();
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        size_t row = i / 2;
        const struct says says = {
            .ca = true, .name = NAME, .pinned = NOTHING, .client_auth = rows[row].client_auth};
        struct meeting meeting = meet(world, &says, true, versions[i % 2], rows[row].shown);
        cr_assert_eq(meeting.accepted && meeting.theirs.up, rows[row].passes, "%s: %s",
                     rows[row].name, meeting.refusal);
    }
    world_free(world);
}

Test(verify, required_and_missing_has_its_own_alert)
{
    struct world *world = world_new();
    const struct says says = EXPECT(NAME);
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        struct meeting meeting = meet(world, &says, true, versions[i], NOTHING);
        cr_assert_eq(meeting.ours.reason, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
        cr_assert_eq(meeting.theirs.alert_got, versions[i] == TLS1_3_VERSION
                                                   ? SSL_AD_CERTIFICATE_REQUIRED
                                                   : SSL_AD_HANDSHAKE_FAILURE);
    }
    world_free(world);
}

/* Of a CA, without names: everybody whom the CA vouches for (as server only). */
Test(verify, ca_alone_as_server)
{
    static const struct row rows[] = {
        {"a name", DEVICE, 0, EXPECT(""), ""},
        {"another name", OTHER_NAME, 0, EXPECT(""), ""},
        {"no name", NO_NAME, 0, EXPECT(""), ""},
        {"self-signed", SELF_SIGNED, UNKNOWN_CA, EXPECT(""), "self-signed"},
        {"our own", OWN, BAD, EXPECT(""), "our own"},
    };
    check_rows(rows, COUNT(rows), true, TLS1_2_VERSION);
    check_rows(rows, COUNT(rows), true, TLS1_3_VERSION);
}

/* A peer without a certificate, by a cipher that needs none, gets nowhere; not even with
 * insecure_any_peer. */
Test(verify, anonymous_ciphers_stay_out)
{
    struct world *world = world_new();
    const struct config_tls tls = {.certificate = world->certificate,
                                   .key = world->key,
                                   .insecure_any_peer = true,
                                   .ciphers = (char *)"AECDH-AES256-SHA:AES128-SHA@SECLEVEL=0"};
    struct error_text error = {.text = ""};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_AUTO, &error);
    cr_assert_not_null(context, "%s", error.text);
    const struct test_peer peer = {.version = TLS1_2_VERSION,
                                   .ciphers = "AECDH-AES256-SHA@SECLEVEL=0"};
    for (int server = 0; server < 2; server++) {
        SSL *ours = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
        SSL *theirs = test_peer_new(&peer, !server);
        struct test_handshake handshake =
            server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours);
        cr_assert_not(handshake.server.up || handshake.client.up);
        SSL_free(theirs);
        SSL_free(ours);
    }
    tls_context_free(context);
    world_free(world);
}

/* A session resumed under another policy: tls_context_accepts looks again (hazard 32). */
Test(verify, accepts_looks_again_after_the_handshake)
{
    struct world *world = world_new();
    struct error_text error = {.text = ""};
    const struct says before = EXPECT(NAME), after = EXPECT("b.devices.example");
    struct tls_context *first = context_of(world, &before, false);
    struct tls_context *second = context_of(world, &after, false);
    SSL *ours = tls_context_ssl(first, ROLE_CLIENT);
    SSL *theirs = test_peer_new(
        &(struct test_peer){.identity = world->shown[DEVICE], .version = TLS1_3_VERSION}, true);
    struct test_handshake handshake = test_handshake_run(theirs, ours);
    cr_assert(handshake.client.up);
    cr_assert(tls_context_accepts(first, ours, &error), "%s", error.text);
    cr_assert_not(tls_context_accepts(second, ours, &error));
    cr_assert(strstr(error.text, "the peer's certificate is refused: it carries none of "
                                 "peer_names, but DNS:" NAME),
              "%s", error.text);
    SSL_set_verify_result(ours, X509_V_ERR_CERT_REVOKED);
    cr_assert_not(tls_context_accepts(first, ours, &error));
    cr_assert_str_eq(error.text, "the peer's certificate is refused: certificate revoked");
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(second);
    tls_context_free(first);
    world_free(world);
}

Test(verify, accepts_misses_a_certificate_that_is_required)
{
    struct world *world = world_new();
    struct error_text error = {.text = ""};
    struct says says = EXPECT(NAME);
    struct tls_context *strict = context_of(world, &says, true);
    says.client_auth = CONFIG_CLIENT_AUTH_NONE;
    struct tls_context *lenient = context_of(world, &says, true);
    SSL *ours = tls_context_ssl(lenient, ROLE_SERVER);
    SSL *theirs = test_peer_new(&(struct test_peer){.identity = NULL}, false);
    cr_assert(test_handshake_run(ours, theirs).server.up);
    cr_assert(tls_context_accepts(lenient, ours, &error), "%s", error.text);
    cr_assert_not(tls_context_accepts(strict, ours, &error));
    cr_assert_str_eq(error.text, "the peer gave no certificate, which is required");
    SSL_free(theirs);
    SSL_free(ours);
    tls_context_free(lenient);
    tls_context_free(strict);
    world_free(world);
}

Test(verify, reason_is_kept_for_each_ssl)
{
    struct world *world = world_new();
    const struct says says = EXPECT(NAME);
    struct tls_context *context = context_of(world, &says, false);
    SSL *ours[2], *theirs[2];
    static const enum shown shown[] = {OTHER_NAME, EXPIRED};
    for (size_t i = 0; i < 2; i++) {
        ours[i] = tls_context_ssl(context, ROLE_CLIENT);
        theirs[i] = test_peer_new(&(struct test_peer){.identity = world->shown[shown[i]]}, true);
        cr_assert_str_eq(tls_context_refusal(ours[i]), "");
        (void)test_handshake_run(theirs[i], ours[i]);
    }
    cr_assert(strstr(tls_context_refusal(ours[0]), "peer_names"));
    static const char expired[] =
        "certificate has expired (depth 0, subject \"CN=" NAME "\"; notAfter ";
    cr_assert_eq(strncmp(tls_context_refusal(ours[1]), expired, sizeof(expired) - 1), 0);
    for (size_t i = 0; i < 2; i++) {
        SSL_free(theirs[i]);
        SSL_free(ours[i]);
    }
    tls_context_free(context);
    world_free(world);
}
