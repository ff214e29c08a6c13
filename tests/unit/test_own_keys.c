/* The keys of a process: each is there as often as it was added. */
#include "server/lib/tls/own_keys.h"

#include "server/lib/tls/policy.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <string.h>

Test(own_keys, as_often_as_added)
{
    const struct config_pin one = {{1}}, two = {{2}}, both[] = {{{1}}, {{2}}};
    struct own_keys *own_keys = own_keys_new();
    cr_assert_not(own_keys_have(own_keys, &one));
    own_keys_remove(own_keys, &one, 1); /* of what is not there nothing is removed */
    cr_assert(own_keys_add(own_keys, both, 2));
    cr_assert(own_keys_add(own_keys, &one, 1));
    cr_assert(own_keys_add(own_keys, NULL, 0));
    own_keys_remove(own_keys, both, 2);
    cr_assert(own_keys_have(own_keys, &one));
    cr_assert_not(own_keys_have(own_keys, &two));
    own_keys_remove(own_keys, &one, 1);
    cr_assert_not(own_keys_have(own_keys, &one));
    own_keys_free(own_keys);
    own_keys_free(NULL);
}

/* A policy refuses the keys of all, as long as they live. */
Test(own_keys, of_policies)
{
    struct error_text error;
    struct test_identity *identities[2] = {test_ca_new("a"), test_ca_new("b")};
    const struct config_tls any = {.insecure_any_peer = true};
    struct own_keys *own_keys = own_keys_new();
    struct policy *policies[2];
    for (size_t i = 0; i < 2; i++) {
        policies[i] = policy_new(&any, identities[i]->certificate, &error);
        cr_assert(policy_share_own(policies[i], own_keys));
    }
    for (size_t i = 0; i < 4; i++) {
        cr_assert_not(policy_accepts(policies[i / 2], identities[i % 2]->certificate, &error));
        cr_assert(strstr(error.text, "its key is our own"), "%s", error.text);
    }
    policy_free(policies[0]);
    cr_assert(policy_accepts(policies[1], identities[0]->certificate, &error));
    cr_assert_not(policy_accepts(policies[1], identities[1]->certificate, &error));
    policy_free(policies[1]);
    own_keys_free(own_keys);
    test_identity_free(identities[0]);
    test_identity_free(identities[1]);
}
