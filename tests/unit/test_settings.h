/* What the suites about actpass_config share. */
#ifndef ACTPASS_TESTS_UNIT_TEST_SETTINGS_H
#define ACTPASS_TESTS_UNIT_TEST_SETTINGS_H

#include "server/lib/settings.h"
#include "tests/support/certs.h"
#include "tests/support/meeting.h"

#include <criterion/criterion.h>
#include <string.h>

#define PIN "sha256:0000000000000000000000000000000000000000000000000000000000000000"

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

/* ---- Both sides: end 0 of the pair is the server --------------------------------------------- */

/* All but the identity. */
static inline actpass_config *peer_of(const struct test_pair *pair, size_t end)
{
    actpass_config *config = actpass_config_new();
    int failed =
        actpass_config_set_role(config, end == 0 ? ACTPASS_ROLE_SERVER : ACTPASS_ROLE_CLIENT) |
        actpass_config_set_ca(config, pair->ca) |
        actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE) |
        actpass_config_add_peer_name(config, pair->ends[!end].name);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    return config;
}

static inline actpass_config *with_files(const struct test_pair *pair, size_t end)
{
    actpass_config *config = peer_of(pair, end);
    cr_assert_eq(
        actpass_config_set_identity(config, pair->ends[end].certificate, pair->ends[end].key), 0);
    return config;
}

static inline void assert_meet(actpass_config *server, actpass_config *client)
{
    struct meeting meeting = {.server.config = server, .client.config = client};
    meeting_run(&meeting);
    cr_assert(meeting.server.up, "server: %s", actpass_error(meeting.server.conn));
    cr_assert(meeting.client.up, "client: %s", actpass_error(meeting.client.conn));
    cr_assert(meeting.server.info.peer_subject[0] && meeting.client.info.peer_subject[0]);
    meeting_end(&meeting);
}

#endif
