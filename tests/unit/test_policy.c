/* The policy: names, pins and reflection together. */
#include "server/lib/tls/policy.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>

/* What a policy says, with at most one name and two pins. */
struct says {
    const char *ca, *name, *pin, *pin2;
    bool system, any;
};

static struct policy *make(const struct says *says, X509 *own, struct error_text *error)
{
    struct config_peer_name names[] = {test_peer_name(says->name)};
    struct config_pin pins[] = {test_pin(says->pin), test_pin(says->pin2)};
    const struct config_tls tls = {.ca = (char *)says->ca,
                                   .ca_system = says->system,
                                   .insecure_any_peer = says->any,
                                   .peer_names = {names, says->name ? 1 : 0},
                                   .peer_pins = {pins, says->pin2  ? 2
                                                       : says->pin ? 1
                                                                   : 0}};
    return policy_new(&tls, own, error);
}

static bool accepts(const struct says *says, X509 *own, X509 *peer, struct error_text *error)
{
    struct policy *policy = make(says, own, error);
    cr_assert_not_null(policy, "%s", error->text);
    bool result = policy_accepts(policy, peer, error);
    policy_free(policy);
    return result;
}

Test(policy, needs_a_chain_unless_pins_stand_alone)
{
    static const char pin[] =
        "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    static const struct {
        const char *name;
        struct says says;
        bool needs;
    } rows[] = {{"nothing at all", {.ca = NULL}, true},
                {"names alone", {.name = "a.example"}, true},
                {"CA", {.ca = "ca.pem"}, true},
                {"system", {.system = true}, true},
                {"CA and names", {.ca = "ca.pem", .name = "a.example"}, true},
                {"CA and pin", {.ca = "ca.pem", .pin = pin}, true},
                {"system and pin", {.system = true, .pin = pin}, true},
                {"pin", {.pin = pin}, false},
                {"pin and names", {.pin = pin, .name = "a.example"}, false},
                {"any peer", {.any = true}, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error_text error = {.text = ""};
        struct policy *policy = make(&rows[i].says, NULL, &error);
        cr_assert_not_null(policy);
        cr_assert_eq(policy_needs_chain(policy), rows[i].needs, "%s", rows[i].name);
        policy_free(policy);
    }
}

Test(policy, names_and_pins_must_both_hold)
{
    char pin[72], other_pin[72];
    struct error_text error = {.text = ""};
    struct test_identity *peer =
        test_identity_new(&(struct test_identity_options){.names = "DNS:a.example"});
    struct test_identity *other = test_ca_new("other");
    test_identity_pin(peer, pin);
    test_identity_pin(other, other_pin);
    const struct {
        const char *name;
        struct says says;
        const char *wrong; /* NULL: accepted */
    } rows[] = {{"nothing", {.ca = "ca.pem"}, NULL},
                {"name", {.name = "a.example"}, NULL},
                {"other name", {.name = "b.example"}, "peer_names"},
                {"pin", {.pin = pin}, NULL},
                {"one of two pins", {.pin = other_pin, .pin2 = pin}, NULL},
                {"other pin", {.pin = other_pin}, "peer_pins"},
                {"name and pin", {.name = "a.example", .pin = pin}, NULL},
                {"name and other pin", {.name = "a.example", .pin = other_pin}, "peer_pins"},
                {"other name and pin", {.name = "b.example", .pin = pin}, "peer_names"},
                {"any peer", {.any = true}, NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool result = accepts(&rows[i].says, other->certificate, peer->certificate, &error);
        cr_assert_eq(result, !rows[i].wrong, "%s", rows[i].name);
        cr_assert(result || strstr(error.text, rows[i].wrong), "%s: %s", rows[i].name, error.text);
    }
    test_identity_free(other);
    test_identity_free(peer);
}

Test(policy, our_own_certificate_is_never_the_peers)
{
    char pin[72];
    struct error_text error = {.text = ""};
    struct test_identity *own =
        test_identity_new(&(struct test_identity_options){.names = "DNS:a.example"});
    struct test_identity *renewed = test_identity_new(
        &(struct test_identity_options){.same_key = own, .names = "DNS:a.example"});
    test_identity_pin(own, pin);
    const struct {
        const char *name;
        struct says says;
    } rows[] = {{"nothing", {.ca = "ca.pem"}},
                {"name", {.name = "a.example"}},
                {"pin", {.pin = pin}},
                {"any peer", {.any = true}}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        cr_assert_not(accepts(&rows[i].says, own->certificate, own->certificate, &error), "%s",
                      rows[i].name);
        cr_assert(strstr(error.text, "our own"), "%s: %s", rows[i].name, error.text);
        cr_assert_not(accepts(&rows[i].says, own->certificate, renewed->certificate, &error),
                      "%s, renewed", rows[i].name);
        cr_assert(accepts(&rows[i].says, NULL, own->certificate, &error), "%s, without own",
                  rows[i].name);
    }
    test_identity_free(renewed);
    test_identity_free(own);
}

/* The settings may be freed once the policy is made. What can be wrong with them is tested in
 * test_settings_same.c. */
Test(policy, keeps_names_and_pins_of_its_own)
{
    char name[] = "a.example", text[72];
    struct error_text error = {.text = ""};
    struct test_identity *peer =
        test_identity_new(&(struct test_identity_options){.names = "DNS:a.example"});
    struct config_peer_name names[] = {test_peer_name(name)};
    struct config_pin pins[] = {test_pin(test_identity_pin(peer, text))};
    const struct config_tls tls = {.peer_names = {names, 1}, .peer_pins = {pins, 1}};
    struct policy *policy = policy_new(&tls, NULL, &error);
    memset(name, 'x', sizeof(name) - 1);
    memset(names, 0, sizeof(names));
    memset(pins, 0, sizeof(pins));
    cr_assert(policy_accepts(policy, peer->certificate, &error), "%s", error.text);
    policy_free(policy);
    test_identity_free(peer);
}

Test(policy, leaves_nothing_in_the_error_queue)
{
    struct error_text error = {.text = ""};
    struct test_identity *peer = test_ca_new("broken");
    /* A subjectAltName that is no list of names. */
    ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(bytes, (const unsigned char *)"\x30\x05zz", 4);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, bytes);
    X509_add_ext(peer->certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(bytes);

    ERR_clear_error();
    cr_assert_not(accepts(&(struct says){.name = "a.example"}, NULL, peer->certificate, &error));
    cr_assert_str_eq(error.text, "its subjectAltName cannot be read");
    cr_assert_eq(ERR_get_error(), 0);
    test_identity_free(peer);
}

Test(policy, keeps_nothing_of_the_settings)
{
    struct error_text error = {.text = ""};
    char name[] = "a.example";
    struct test_identity *peer =
        test_identity_new(&(struct test_identity_options){.names = "DNS:a.example"});
    struct policy *policy = make(&(struct says){.name = name}, NULL, &error);
    cr_assert_not_null(policy);
    memset(name, 'x', sizeof(name) - 1);
    cr_assert(policy_accepts(policy, peer->certificate, &error));
    policy_free(policy);
    policy_free(NULL);
    test_identity_free(peer);
}
