/* The verify callback and the log callback; JSON in memory, and the check: what is left of
 * actpass_identity.h, and load_text. */
#include "tests/support/resources.h"
#include "tests/unit/test_settings.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(settings_callbacks, .timeout = 30);

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* ---- Verification --------------------------------------------------------------------------- */

struct judge {
    atomic_bool refuses;
    const char *text; /* NULL: none */
    atomic_int calls;
    atomic_size_t size; /* of the last certificate */
};

static int judge(const void *certificate, size_t size, char *why, size_t why_size, void *arg)
{
    struct judge *judge = arg;
    const unsigned char *at = certificate;
    X509 *read = d2i_X509(NULL, &at, (long)size);
    cr_assert_not_null(read);
    X509_free(read);
    cr_assert_str_eq(why, "");
    atomic_fetch_add(&judge->calls, 1);
    atomic_store(&judge->size, size);
    if (judge->text)
        (void)snprintf(why, why_size, "%s", judge->text);
    return !judge->refuses;
}

/* END refuses the other. */
static void check_refusal(const struct test_pair *pair, size_t end, const char *text)
{
    struct judge ours = {.refuses = true, .text = text};
    actpass_config *configs[2] = {with_files(pair, 0), with_files(pair, 1)};
    struct meeting meeting = {.server.config = configs[0], .client.config = configs[1]};
    struct meeting_side *side = end == 0 ? &meeting.server : &meeting.client;
    const struct meeting_side *other = end == 0 ? &meeting.client : &meeting.server;
    cr_assert_eq(actpass_config_set_verify(configs[end], judge, &ours), 0);
    meeting_run(&meeting);
    cr_assert_not(side->up);
    cr_assert_eq(actpass_ended(side->conn), ACTPASS_REFUSED, "%s", actpass_error(side->conn));
    cr_assert(strstr(actpass_error(side->conn), text ? text : "the verify callback refuses it"),
              "%s", actpass_error(side->conn));
    cr_assert_not(other->up);
    cr_assert_eq(actpass_ended(other->conn), ACTPASS_REFUSED, "by an alert: %s",
                 actpass_error(other->conn));
    cr_assert_eq(ours.calls, 1);
    meeting_end(&meeting);
    actpass_config_free(configs[0]);
    actpass_config_free(configs[1]);
}

static void check_refusals(void)
{
    struct test_pair *pair = test_pair_new();
    for (size_t end = 0; end < 2; end++) {
        check_refusal(pair, end, "not on the list");
        check_refusal(pair, end, NULL);
    }
    test_pair_free(pair);
}

Test(settings_callbacks, a_callback_refuses_in_both_roles)
{
    check_refusals();
}

Test(settings_callbacks, a_callback_refuses_in_both_roles_of_tls_1_2)
{
    meeting_only_tls12();
    check_refusals();
}

/* It says yes, and the policy no: it is not even asked. */
Test(settings_callbacks, a_callback_accepts_nobody_whom_the_policy_refuses)
{
    struct test_pair *pair = test_pair_new();
    struct judge ours = {.text = NULL};
    actpass_config *server = with_files(pair, 0), *client = actpass_config_new();
    int failed = actpass_config_set_role(client, ACTPASS_ROLE_CLIENT) |
                 actpass_config_set_ca(client, pair->ca) |
                 actpass_config_add_peer_name(client, "else.example") |
                 actpass_config_set_verify(client, judge, &ours);
    cr_assert_eq(failed, 0);
    struct meeting meeting = {.server.config = server, .client.config = client};
    meeting_run(&meeting);
    cr_assert_not(meeting.client.up);
    cr_assert_eq(actpass_ended(meeting.client.conn), ACTPASS_REFUSED);
    cr_assert(strstr(actpass_error(meeting.client.conn), "peer_names"), "%s",
              actpass_error(meeting.client.conn));
    cr_assert_eq(ours.calls, 0);
    meeting_end(&meeting);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* Whoever was accepted once, and whose session is known, is judged again. */
static void check_resumption(const struct test_pair *pair, size_t end)
{
    struct judge ours = {.text = "not any more"};
    actpass_config *configs[2] = {with_files(pair, 0), with_files(pair, 1)};
    const char *path = test_folder_path(pair->folder, "socket");
    cr_assert_eq(actpass_config_set_verify(configs[end], judge, &ours), 0);
    for (int i = 0; i < 3; i++) {
        struct meeting meeting = {
            .server.config = configs[0], .client.config = configs[1], .path = path};
        const struct meeting_side *side = end == 0 ? &meeting.server : &meeting.client;
        atomic_store(&ours.refuses, i == 2);
        atomic_store(&ours.calls, 0);
        meeting_run(&meeting);
        cr_assert_gt(ours.calls, 0, "time %d", i);
        cr_assert_eq(side->up, i < 2, "time %d: %s", i, actpass_error(side->conn));
        if (i < 2)
            cr_assert_eq(side->info.resumed, i == 1, "time %d", i);
        else
            cr_assert(strstr(actpass_error(side->conn), "not any more"), "%s",
                      actpass_error(side->conn));
        meeting_end(&meeting);
    }
    actpass_config_free(configs[0]);
    actpass_config_free(configs[1]);
}

static void check_resumptions(void)
{
    struct test_pair *pair = test_pair_new();
    for (size_t end = 0; end < 2; end++)
        check_resumption(pair, end);
    test_pair_free(pair);
}

Test(settings_callbacks, a_callback_refuses_on_resumption)
{
    check_resumptions();
}

Test(settings_callbacks, a_callback_refuses_on_resumption_of_tls_1_2)
{
    meeting_only_tls12();
    check_resumptions();
}

/* ---- The log -------------------------------------------------------------------------------- */

struct heard {
    atomic_int calls;
    char text[512];
};

static void hear(const char *message, void *arg)
{
    struct heard *heard = arg;
    (void)snprintf(heard->text, sizeof(heard->text), "%s", message);
    atomic_fetch_add(&heard->calls, 1);
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

Test(settings_callbacks, failures_of_sessions_are_logged)
{
    struct heard heard = {.text = ""};
    struct test_pair *pair = test_pair_new();
    const char *keys = test_write_text(pair->folder, "keys", KEY);
    actpass_config *server = with_files(pair, 0), *client = with_files(pair, 1);
    cr_assert_eq(chmod(keys, 0600), 0);
    cr_assert_eq(actpass_config_set_sessions(server, "tickets", keys), 0);
    cr_assert_eq(actpass_config_set_log(server, hear, &heard), 0);
    cr_assert_eq(actpass_config_check(server), 0, "%s", actpass_config_error(server));
    int before = heard.calls; /* this OpenSSL may have faults */
    cr_assert_eq(unlink(keys), 0);
    /* The file is looked at once a second. */
    for (int i = 0; i < 100 && heard.calls == before; i++) {
        assert_meet(server, client);
        pause_ms(50);
    }
    cr_assert_eq(heard.calls - before, 1, "%s", heard.text);
    cr_assert(strstr(heard.text, keys), "%s", heard.text);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* ---- JSON in memory, and the check ---------------------------------------------------------- */

static int load(actpass_config *config, const char *text, const char *service)
{
    return actpass_config_load_text(config, text, strlen(text), service);
}

Test(settings_callbacks, json_in_memory)
{
    static const char two[] =
        "{\"services\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"role\": \"client\", "
        "\"idle_timeout\": \"7s\", \"echo\": {}, \"tls\": {\"insecure_any_peer\": true}}, "
        "{\"name\": \"b\", \"listen\": \"127.0.0.1:2\", \"role\": \"client\", "
        "\"idle_timeout\": \"8s\", \"echo\": {}, \"tls\": {\"insecure_any_peer\": true}}]}";
    actpass_config *config = actpass_config_new();
    cr_assert_eq(load(config, two, NULL), 0, "%s", actpass_config_error(config));
    cr_assert_eq(config->connection.idle_timeout_ms, 7000);
    cr_assert_eq(load(config, two, "b"), 0);
    cr_assert_eq(config->connection.idle_timeout_ms, 8000);
    cr_assert_str_eq(config->service, "b");
    cr_assert_eq(load(config, two, "c"), -1);
    assert_says(config, "text: there is no service \"c\"");
    cr_assert_eq(actpass_config_load_text(config, two, 20, NULL), -1, "only LENGTH bytes count");
    assert_says(config, "text:1:");
    cr_assert_eq(actpass_config_load_text(config, NULL, 0, NULL), -1);
    cr_assert_eq(actpass_config_load(config, NULL, NULL), -1);
    assert_says(config, "must not be NULL");
    cr_assert_eq(config->connection.idle_timeout_ms, 8000, "a refused one changes nothing");
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(load(config, two, NULL), -1);
    assert_says(config, "in use");
    actpass_config_free(config);
}

Test(settings_callbacks, warnings_of_json_are_logged)
{
    struct heard heard = {.text = ""};
    struct test_pair *pair = test_pair_new();
    char text[1024];
    actpass_config *config = actpass_config_new();
    (void)snprintf(text, sizeof(text),
                   "{\"services\": [{\"name\": \"a\", \"listen\": \"127.0.0.1:1\", \"role\": "
                   "\"server\", \"echo\": "
                   "{}, \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\", \"ca\": \"%s\"}}]}",
                   pair->ends[0].certificate, pair->ends[0].key, pair->ca);
    cr_assert_eq(actpass_config_set_log(config, hear, &heard), 0);
    cr_assert_eq(load(config, text, NULL), 0, "%s", actpass_config_error(config));
    cr_assert_eq(heard.calls, 1);
    cr_assert(strstr(heard.text, "has no effect"), "%s", heard.text);
    actpass_config_free(config);
    test_pair_free(pair);
}

Test(settings_callbacks, a_check_that_fails_can_be_mended_and_one_that_passes_is_use)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *config = bare(pair);
    cr_assert_eq(actpass_config_set_ca(config, "/no/such.pem"), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "/no/such.pem");
    cr_assert_eq(actpass_config_set_ca_pem(config, ""), -1);
    cr_assert_eq(actpass_config_set_ca(config, pair->ca), 0);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_AUTO), 0);
    cr_assert_eq(actpass_config_add_peer_name(config, pair->ends[1].name), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "the peer chooses its role");
    cr_assert_eq(actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(actpass_config_check(config), 0, "again");
    const int results[] = {actpass_config_set_identity_pem(config, "a", "b"),
                           actpass_config_add_certificate_pem(config, "a.example", "a", "b"),
                           actpass_config_set_ca_pem(config, "a"),
                           actpass_config_set_passphrase(config, NULL, NULL),
                           actpass_config_set_verify(config, judge, NULL),
                           actpass_config_set_log(config, hear, NULL)};
    for (size_t i = 0; i < COUNT(results); i++)
        cr_assert_eq(results[i], -1, "setter %zu", i);
    assert_says(config, "in use");
    actpass_config_free(config);
    test_pair_free(pair);
}
