/* The conversation "http". */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

#define PIN "sha256:0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789"

static void check_site(const struct config_handler *conversation)
{
    const struct config_http *http = &conversation->http;
    cr_assert_eq(conversation->kind, CONFIG_HANDLER_HTTP);
    cr_assert_eq(conversation->forward.count, 0);
    cr_assert_str_eq(http->root, "folder");
    cr_assert_str_eq(http->index, "index.html");
    cr_assert_eq(http->protected_count, 2);
    cr_assert_str_eq(http->protected_paths[0].prefix, "/secure/");
    cr_assert_eq(http->protected_paths[0].peer_names.count, 0);
    cr_assert_eq(http->protected_paths[0].peer_pins.count, 0);
    cr_assert_str_eq(http->protected_paths[1].prefix, "/secure/more/");
    cr_assert_eq(http->protected_paths[1].peer_names.count, 2);
    cr_assert_str_eq(http->protected_paths[1].peer_names.items[0].text, "A");
    cr_assert_str_eq(http->protected_paths[1].peer_names.items[1].text, "example");
    cr_assert_eq(http->protected_paths[1].peer_pins.count, 1);
    struct config_pin pin;
    cr_assert_null(config_pin_parse(PIN, &pin));
    cr_assert_arr_eq(&http->protected_paths[1].peer_pins.items[0], &pin, sizeof(pin));
}

#define SITE                                                                                  \
    "{'root': 'folder', 'protected': ['/secure/', {'prefix': '/secure/more/', 'peer_names': " \
    "['cn:A', '*.example'], 'peer_pins': ['" PIN "']}]}"

Test(config_http, for_both_roles, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'listen': '[::1]:1', 'http': " SITE ", 'tls': {'certificate': "
        "'peer.pem', 'ca': 'ca.pem', 'peer_names': ['a'], 'client_auth': 'on_demand'}}]}");
    check_site(&config->services[0].as_server);
    check_site(&config->services[0].as_client);
    cr_assert_neq(config->services[0].as_server.http.root, config->services[0].as_client.http.root,
                  "each has its own");
    config_free(config);
}

Test(config_http, for_one_role, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'listen': '[::1]:1', 'as_client': {'http': " SITE "}, "
        "'as_server': {'forward': '[::1]:2'}, 'tls': {'certificate': 'peer.pem', 'ca': 'ca.pem', "
        "'peer_names': ['a'], 'client_auth': 'none'}}]}");
    check_site(&config->services[0].as_client);
    cr_assert_eq(config->services[0].as_server.kind, CONFIG_HANDLER_FORWARD);
    cr_assert_null(config->services[0].as_server.http.root);
    config_free(config);
}

Test(config_http, index_and_root, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *keys, *root, *index;
    } rows[] = {{"'root': '.'", ".", "index.html"},
                {"'root': '/', 'index': ''", "/", ""},
                {"'index': 'a b.html', 'root': 'folder/'", "folder/", "a b.html"},
                {"'root': 'folder', 'index': '..a'", "folder", "..a"},
                {"'root': 'folder', 'protected': ['/']", "folder", "index.html"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', "
                       "'http': {%s}, 'tls': {'insecure_any_peer': true}}]}",
                       rows[i].keys);
        struct config *config = parse_good(text);
        const struct config_http *http = &config->services[0].as_client.http;
        cr_assert_str_eq(http->root, rows[i].root);
        cr_assert_str_eq(http->index, rows[i].index);
        config_free(config);
    }
}

/* Each way to ask clients for a certificate will do. */
Test(config_http, protected_with_any_client_auth, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {"on_demand", "request", "require"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', "
                       "'http': {'root': 'folder', 'protected': ['/a/']}, 'tls': {'certificate': "
                       "'peer.pem', 'ca': 'ca.pem', 'client_auth': '%s'}}]}",
                       rows[i]);
        quote(text, strlen(text));
        struct config_report report;
        struct config *config = config_parse("c.json", text, strlen(text), &report);
        cr_assert_not_null(config, "%s", rows[i]);
        cr_assert_eq(report.warnings.count, 0, "%s", rows[i]);
        config_free(config);
        config_report_free(&report);
    }
}
