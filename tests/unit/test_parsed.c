/* From a parsed service to actpass_config: as actpass_config_load does it. */
#include "server/lib/parsed.h"

#include "server/lib/settings.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct config *parse(const struct test_end *end, const char *more)
{
    char text[1024];
    struct config_report report;
    int length = snprintf(text, sizeof(text),
                          "{\"services\": [{\"name\": \"one\", \"dial\": \"a:1\", \"dial_from\": "
                          "\"127.0.0.1:0\", \"connect_timeout\": \"3s\", \"idle_timeout\": \"7s\", "
                          "\"persistent\": true, \"echo\": {}, \"dial_through\": \"http://a:2\", "
                          "\"tls\": {\"certificate\": \"%s\", "
                          "\"key\": \"%s\", \"ca\": \"%s\"%s}}]}",
                          end->certificate, end->key, end->certificate, more);
    struct config *config = config_parse("text", text, (size_t)length, &report);
    cr_assert_not_null(config, "%s", report.errors.count ? report.errors.items[0] : "");
    config_report_free(&report);
    return config;
}

Test(parsed, the_settings_of_a_service)
{
    struct test_pair *pair = test_pair_new();
    struct config *parsed =
        parse(&pair->ends[0], ", \"client_auth\": \"require\", \"peer_names\": [\"a\"]");
    parsed->services[0].connection.role = CONFIG_ROLE_SERVER; /* client_auth matters */
    actpass_config *config = actpass_config_new();
    cr_assert_eq(parsed_settings(config, &parsed->services[0]), 0);
    cr_assert_str_eq(config->service, "one");
    cr_assert_str_eq(config->dial_from.text, "127.0.0.1:0");
    cr_assert_str_eq(config->through.proxy.text, "http://a:2");
    cr_assert_eq(config->connect_timeout_ms, 3000);
    cr_assert_eq(config->connection.idle_timeout_ms, 7000);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(parsed_settings(config, &parsed->services[0]), -1);
    cr_assert_not_null(strstr(actpass_config_error(config), "in use"));
    config_free(parsed); /* it is not needed any more */
    cr_assert(settings_use(config, CONFIG_WE_DIAL), "%s", actpass_config_error(config));
    actpass_config_free(config);
    test_pair_free(pair);
}

/* The rules of client authentication hold although "tls" is elsewhere. */
Test(parsed, whom_we_dial_must_show_a_certificate)
{
    struct test_pair *pair = test_pair_new();
    struct config *parsed =
        parse(&pair->ends[0], ", \"client_auth\": \"require\", \"peer_names\": [\"a\"]");
    parsed->services[0].connection.role = CONFIG_ROLE_SERVER;
    parsed->services[0].connection.tls.client_auth = CONFIG_CLIENT_AUTH_NONE;
    actpass_config *config = actpass_config_new();
    cr_assert_eq(parsed_settings(config, &parsed->services[0]), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_not(settings_use(config, CONFIG_WE_DIAL));
    actpass_config_free(config);
    config_free(parsed);
    test_pair_free(pair);
}

Test(parsed, a_policy_that_can_be_added_to)
{
    struct error_text error = {.text = ""};
    struct config_peer_name name = test_peer_name("a.example");
    struct config_pin pin = {.digest = {1}};
    const struct config_peer_names names = {&name, 1}, no_names = {NULL, 0};
    const struct config_pins pins = {&pin, 1}, no_pins = {NULL, 0};
    actpass_policy *policy = parsed_policy(&names, &pins, &error);
    cr_assert_not_null(policy, "%s", error.text);
    cr_assert_eq(actpass_policy_add_peer_name(policy, "b.example"), 0);
    actpass_policy_free(policy);
    policy = parsed_policy(&no_names, &no_pins, &error);
    cr_assert_not_null(policy, "%s", error.text);
    actpass_policy_free(policy);
}

/* ---- What "tls" names ------------------------------------------------------------------------ */

struct found {
    int errors;
    char keys[256];
};

static void note(size_t service, enum config_severity severity, const char *key, const char *text,
                 void *arg)
{
    struct found *found = arg;
    cr_assert_eq(service, 0);
    size_t length = strlen(found->keys);
    cr_assert_gt(strlen(text), 10);
    found->errors += severity == CONFIG_ERROR;
    (void)snprintf(found->keys + length, sizeof(found->keys) - length, "%s ", key);
}

Test(parsed, all_that_is_wrong_with_the_files)
{
    struct found found = {.errors = 0};
    struct test_pair *pair = test_pair_new();
    const struct test_end *end = &pair->ends[0];
    struct config *parsed = parse(end, ", \"peer_names\": [\"a\"]");
    struct config_tls *tls = &parsed->services[0].connection.tls;
    char *certificate = tls->certificate, *ca = tls->ca;
    tls->certificate = tls->ca = tls->key; /* files that hold no certificate */
    parsed_inspect(parsed, note, &found);
    cr_assert_geq(found.errors, 2, "%s", found.keys);
    cr_assert(strstr(found.keys, "tls/certificate ") && strstr(found.keys, "tls/ca "), "%s",
              found.keys);
    tls->certificate = certificate;
    tls->ca = ca;
    config_free(parsed);
    test_pair_free(pair);
}
