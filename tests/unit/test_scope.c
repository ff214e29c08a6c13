/* The session-id context: another one for each role and policy. */
#include "server/lib/sessions/scope.h"
#include "server/lib/tls/context.h"
#include "tests/support/tls_peer.h"
#include "tests/support/tls_world.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

struct scope {
    uint8_t bytes[SCOPE_SIZE];
};

static struct scope scope(const struct config_tls *tls, bool server, const struct test_identity *ca,
                          const struct test_identity *own)
{
    struct scope made;
    STACK_OF(X509) *list = sk_X509_new_null();
    cr_assert(list && (!ca || X509_add_cert(list, ca->certificate, X509_ADD_FLAG_UP_REF)));
    cr_assert(scope_of(tls, server ? ROLE_SERVER : ROLE_CLIENT, list, own ? own->certificate : NULL,
                       made.bytes));
    sk_X509_pop_free(list, X509_free);
    return made;
}

static bool equal(const struct scope *one, const struct scope *other)
{
    return memcmp(one->bytes, other->bytes, SCOPE_SIZE) == 0;
}

Test(scope, every_part_counts)
{
    enum { MAX_SCOPES = 13 };
    struct config_peer_name ab[] = {{.text = "anb"}}, a_b[] = {{.text = "a"}, {.text = "b"}},
                            ba[] = {{.text = "b"}, {.text = "a"}},
                            below[] = {{CONFIG_NAME_DNS_BELOW, .text = "anb"}};
    struct config_pin pin = {{1}};
    struct scope made[MAX_SCOPES];
    struct test_identity *one = test_ca_new("one"), *two = test_ca_new("one");
    const struct config_tls plain = {.certificate = NULL};
    const struct config_tls other[] = {{.insecure_any_peer = true},
                                       {.ca_system = true},
                                       {.client_auth = CONFIG_CLIENT_AUTH_REQUIRE},
                                       {.peer_names = {ab, 1}},
                                       {.peer_names = {a_b, 2}},
                                       {.peer_names = {ba, 2}},
                                       {.peer_names = {below, 1}},
                                       {.peer_pins = {&pin, 1}}};
    size_t count = 0;
    made[count++] = scope(&plain, true, NULL, NULL);
    made[count++] = scope(&plain, false, NULL, NULL);
    made[count++] = scope(&plain, true, one, NULL);
    made[count++] = scope(&plain, true, two, NULL);
    made[count++] = scope(&plain, true, NULL, one);
    for (size_t i = 0; i < COUNT(other); i++)
        made[count++] = scope(&other[i], true, NULL, NULL);
    cr_assert_eq(count, MAX_SCOPES);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_not(equal(&made[i], &made[j]), "%zu and %zu are the same", i, j);
    test_identity_free(two);
    test_identity_free(one);
}

Test(scope, the_same_settings_have_the_same)
{
    struct config_peer_name names[] = {{.text = "a"}, {.text = "b"}};
    struct config_pin pin = {{1}};
    const struct config_tls tls = {.peer_names = {names, 2}, .peer_pins = {&pin, 1}};
    struct test_identity *one = test_ca_new("one");
    struct scope first = scope(&tls, true, one, one), second = scope(&tls, true, one, one);
    cr_assert(equal(&first, &second));
    test_identity_free(one);
}

Test(scope, of_what_chains_are_judged_by)
{
    struct scope made[4], again;
    struct test_identity *one = test_ca_new("one"), *two = test_ca_new("one");
    STACK_OF(X509) *ones = sk_X509_new_null(), *twos = sk_X509_new_null();
    cr_assert(X509_add_cert(ones, one->certificate, X509_ADD_FLAG_UP_REF) &&
              X509_add_cert(twos, two->certificate, X509_ADD_FLAG_UP_REF));
    cr_assert(scope_of_chain(NULL, NULL, 0, made[0].bytes) &&
              scope_of_chain(NULL, NULL, 1, made[1].bytes) &&
              scope_of_chain(ones, NULL, 0, made[2].bytes) &&
              scope_of_chain(twos, NULL, 0, made[3].bytes) &&
              scope_of_chain(ones, NULL, 0, again.bytes));
    for (size_t i = 0; i < COUNT(made); i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_not(equal(&made[i], &made[j]), "%zu and %zu", j, i);
    cr_assert(equal(&made[2], &again));
    sk_X509_pop_free(ones, X509_free);
    sk_X509_pop_free(twos, X509_free);
    test_identity_free(one);
    test_identity_free(two);
}

/* Hazard 33: sessions made by the two contexts of one configuration are of two scopes. */
Test(scope, sessions_carry_it)
{
    static struct config_peer_name names[] = {{.text = WORLD_NAME}};
    struct world *world = world_new();
    struct error_text error = {.text = ""};
    const struct config_tls tls = {.certificate = world->certificate,
                                   .key = world->key,
                                   .ca = world->ca_file,
                                   .peer_names = {names, 1}};
    struct tls_context *context =
        tls_context_new((struct tls_owner){"", NULL}, &tls, CONFIG_ROLE_AUTO, &error);
    cr_assert_not_null(context, "%s", error.text);
    for (int server = 0; server < 2; server++) {
        unsigned size = 0;
        struct scope wanted = scope(&tls, server, world->ca, world->own);
        SSL *ours = tls_context_ssl(context, server ? ROLE_SERVER : ROLE_CLIENT);
        SSL *theirs = test_peer_new(&(struct test_peer){.identity = world->shown[DEVICE]}, !server);
        (void)(server ? test_handshake_run(ours, theirs) : test_handshake_run(theirs, ours));
        const unsigned char *carried = SSL_SESSION_get0_id_context(SSL_get_session(ours), &size);
        cr_assert_eq(size, SCOPE_SIZE);
        cr_assert_arr_eq(carried, wanted.bytes, SCOPE_SIZE);
        SSL_free(theirs);
        SSL_free(ours);
    }
    tls_context_free(context);
    world_free(world);
}
