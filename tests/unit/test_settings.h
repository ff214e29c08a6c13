/* What the suites about actpass_config share. */
#ifndef ACTPASS_TESTS_UNIT_TEST_SETTINGS_H
#define ACTPASS_TESTS_UNIT_TEST_SETTINGS_H

#include "server/lib/settings.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <string.h>

static inline void assert_says(const actpass_config *config, const char *what)
{
    cr_assert_not_null(strstr(actpass_config_error(config), what), "\"%s\" has no \"%s\"",
                       actpass_config_error(config), what);
}

/* A server with a certificate; nothing is said of its peers. */
static inline actpass_config *bare(const struct test_pair *pair)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_SERVER), 0);
    cr_assert_eq(actpass_config_set_identity(config, pair->ends[0].certificate, pair->ends[0].key),
                 0);
    return config;
}

/* For both openers. */
static inline actpass_config *usable(const struct test_pair *pair)
{
    actpass_config *config = bare(pair);
    cr_assert_eq(actpass_config_set_ca(config, pair->ca), 0);
    cr_assert_eq(actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    return config;
}

#endif
