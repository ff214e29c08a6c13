/* Good configurations, their defaults and warnings, several errors at once, files, and texts that
 * were cut or changed. */
#include "tests/unit/test_config.h"

#include <errno.h>

#define FULL                                                                                      \
    "{ '$schema': 'actpass.schema.json',\n"                                                       \
    "  'log': {'level': 'debug', 'format': 'json'}, 'shutdown_timeout': '2m',\n"                  \
    "  'services': [\n"                                                                           \
    "    { 'name': 'front', 'listen': '0.0.0.0:8443', 'role': 'auto', 'transport': 'direct',\n"   \
    "      'initial_data_timeout': '200ms', 'handshake_timeout': '3s', 'idle_timeout': '1h',\n"   \
    "      'write_timeout': '7s', 'close_timeout': '0s', 'max_connections': 17,\n"                \
    "      'tls': { 'certificate': 'peer.pem', 'key': './peer.pem', 'ca': 'ca.pem',\n"            \
    "               'client_auth': 'require', 'peer_names': ['*.devices.example', '192.0.2.1',\n" \
    "               '2001:db8::1', 'uri:spiffe://example.org/x'], 'server_name': 'a.b',\n"        \
    "               'min_version': '1.3', 'ciphers': 'HIGH:!aNULL', \n"                           \
    "               'ciphersuites': 'TLS_AES_128_GCM_SHA256', 'alpn': ['h2', 'http/1.1'] },\n"    \
    "      'as_server': {'forward': '[::1]:8080'}, 'as_client': {'echo': {}} },\n"                \
    "    { 'name': 'back', 'listen': 'unix:run/socket', 'role': 'server',\n"                      \
    "      'initial_data_timeout': 'never', 'idle_timeout': 'never',\n"                           \
    "      'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true},\n"                      \
    "      'forward': 'unix:/run/other' } ] }\n"

Test(config, every_key, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(FULL);
    const struct config_service *front = &config->services[0];
    const struct config_connection *connection = &front->connection;
    cr_assert_eq(config->log_level, CONFIG_LOG_DEBUG);
    cr_assert_eq(config->log_format, CONFIG_LOG_JSON);
    cr_assert_eq(config->shutdown_timeout_ms, 120000);
    cr_assert_eq(config->service_count, 2);
    cr_assert_str_eq(front->name, "front");
    cr_assert_eq(front->listen.addresses[0].kind, CONFIG_ADDRESS_TCP);
    cr_assert_str_eq(front->listen.addresses[0].text, "0.0.0.0:8443");
    cr_assert_str_eq(front->listen.addresses[0].host, "0.0.0.0");
    cr_assert_eq(front->listen.addresses[0].port, 8443);
    cr_assert_eq(front->max_connections, 17);
    cr_assert_eq(connection->role, CONFIG_ROLE_AUTO);
    cr_assert_eq(connection->transport, CONFIG_TRANSPORT_DIRECT);
    cr_assert_eq(connection->initial_data_timeout_ms, 200);
    cr_assert_eq(connection->handshake_timeout_ms, 3000);
    cr_assert_eq(connection->idle_timeout_ms, 3600000);
    cr_assert_eq(connection->write_timeout_ms, 7000);
    cr_assert_eq(connection->close_timeout_ms, 0);
    config_free(config);
}

Test(config, every_tls_key, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(FULL);
    const struct config_tls *tls = &config->services[0].connection.tls;
    static const struct config_peer_name names[] = {
        {CONFIG_NAME_DNS_BELOW, .text = "devices.example"},
        {CONFIG_NAME_IP, .text = "192.0.2.1"},
        {CONFIG_NAME_IP, .text = "2001:db8::1"},
        {CONFIG_NAME_URI, .text = "spiffe://example.org/x"}};
    cr_assert_str_eq(tls->certificate, "peer.pem");
    cr_assert_str_eq(tls->key, "./peer.pem");
    cr_assert_str_eq(tls->ca, "ca.pem");
    cr_assert_not(tls->ca_system);
    cr_assert_eq(tls->client_auth, CONFIG_CLIENT_AUTH_REQUIRE);
    cr_assert_eq(tls->peer_names.count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(tls->peer_names.items[i].kind, names[i].kind);
        cr_assert_str_eq(tls->peer_names.items[i].text, names[i].text);
    }
    cr_assert_eq(tls->peer_pins.count, 0);
    cr_assert_str_eq(tls->server_name, "a.b");
    cr_assert_eq(tls->min_version, CONFIG_TLS_1_3);
    cr_assert_str_eq(tls->ciphers, "HIGH:!aNULL");
    cr_assert_str_eq(tls->ciphersuites, "TLS_AES_128_GCM_SHA256");
    cr_assert_eq(tls->alpn.count, 2);
    cr_assert_str_eq(tls->alpn.items[0], "h2");
    cr_assert_str_eq(tls->alpn.items[1], "http/1.1");
    cr_assert_not(tls->insecure_any_peer);
    config_free(config);
}

Test(config, conversations, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(FULL);
    const struct config_service *front = &config->services[0];
    const struct config_service *back = &config->services[1];
    cr_assert_eq(front->as_server.kind, CONFIG_HANDLER_FORWARD);
    cr_assert_str_eq(front->as_server.forward.items[0].host, "::1");
    cr_assert_eq(front->as_server.forward.items[0].port, 8080);
    cr_assert_eq(front->as_client.kind, CONFIG_HANDLER_ECHO);
    cr_assert_str_eq(back->listen.addresses[0].path, "run/socket");
    cr_assert_eq(back->connection.role, CONFIG_ROLE_SERVER);
    cr_assert_eq(back->connection.initial_data_timeout_ms, CONFIG_NEVER);
    cr_assert_eq(back->connection.idle_timeout_ms, CONFIG_NEVER);
    cr_assert(back->connection.tls.insecure_any_peer);
    const struct config_handler *both[] = {&back->as_server, &back->as_client};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(both[i]->kind, CONFIG_HANDLER_FORWARD);
        cr_assert_eq(both[i]->forward.items[0].kind, CONFIG_ADDRESS_UNIX);
        cr_assert_str_eq(both[i]->forward.items[0].path, "/run/other");
        cr_assert_str_eq(both[i]->forward.items[0].text, "unix:/run/other");
    }
    config_free(config);
}

Test(config, conversation_of_one_fixed_role, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:0', 'role': 'server',"
                   "'as_server': {'echo': true}, 'tls': {'certificate': 'peer.pem'}},"
                   "{'name': 'b', 'listen': '[::1]:0', 'role': 'client',"
                   "'as_client': {'echo': true}, 'tls': {'insecure_any_peer': true}}]}");
    cr_assert_eq(config->services[0].as_server.kind, CONFIG_HANDLER_ECHO);
    cr_assert_eq(config->services[0].as_client.kind, CONFIG_HANDLER_NONE);
    cr_assert_eq(config->services[1].as_server.kind, CONFIG_HANDLER_NONE);
    cr_assert_eq(config->services[1].as_client.kind, CONFIG_HANDLER_ECHO);
    config_free(config);
}

Test(config, defaults, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:0', 'echo': true,"
                   "'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    const struct config_connection *connection = &service->connection;
    const struct config_tls *tls = &connection->tls;
    cr_assert_eq(config->log_level, CONFIG_LOG_INFO);
    cr_assert_eq(config->log_format, CONFIG_LOG_LOGFMT);
    cr_assert_eq(config->shutdown_timeout_ms, 30000);
    cr_assert_eq(service->max_connections, 10000);
    cr_assert_eq(connection->role, CONFIG_ROLE_AUTO);
    cr_assert_eq(connection->transport, CONFIG_TRANSPORT_RELAY);
    cr_assert_eq(connection->initial_data_timeout_ms, 5000);
    cr_assert_eq(connection->handshake_timeout_ms, 10000);
    cr_assert_eq(connection->idle_timeout_ms, 3600000);
    cr_assert_eq(connection->write_timeout_ms, 60000);
    cr_assert_eq(connection->close_timeout_ms, 5000);
    cr_assert_str_eq(tls->key, "peer.pem", "the key's file is the certificate's");
    cr_assert_null(tls->ca);
    cr_assert_eq(tls->client_auth, CONFIG_CLIENT_AUTH_UNSET);
    cr_assert_eq(config_client_auth(tls), CONFIG_CLIENT_AUTH_NONE);
    cr_assert_eq(tls->min_version, CONFIG_TLS_1_2);
    cr_assert_null(tls->server_name);
    cr_assert_null(tls->ciphers);
    cr_assert_null(tls->ciphersuites);
    cr_assert_eq(tls->alpn.count + tls->peer_names.count + tls->peer_pins.count, 0);
    config_free(config);
}

Test(config, system_ca_is_a_word_not_a_file, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'listen': '[::1]:0', 'role': 'client', 'echo': true,"
        "'tls': {'ca': 'system', 'peer_names': ['a.example']}}]}");
    cr_assert(config->services[0].connection.tls.ca_system);
    cr_assert_null(config->services[0].connection.tls.ca);
    config_free(config);
}

/* Ways to say whom a service trusts that must be accepted. */
Test(config, trust_that_is_enough, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {
        "'role': 'client', 'tls': {'ca': 'ca.pem', 'peer_names': ['a']}",
        "'role': 'client', 'tls': {'peer_pins': ['sha256:" /* either case */
        "0123456789abcdefABCDEF01234567890123456789abcdefABCDEF0123456789']}",
        "'role': 'client', 'tls': {'insecure_any_peer': true}",
        "'role': 'server', 'tls': {'certificate': 'peer.pem'}",
        "'role': 'server', 'tls': {'certificate': 'peer.pem', 'client_auth': 'require', "
        "'ca': 'ca.pem'}",
        "'role': 'server', 'tls': {'certificate': 'peer.pem', 'client_auth': 'request', "
        "'insecure_any_peer': true}",
        "'tls': {'certificate': 'peer.pem', 'ca': 'ca.pem', 'peer_names': ['a'], "
        "'client_auth': 'require'}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': {}, %s}]}",
                       rows[i]);
        config_free(parse_good(text));
    }
}

Test(config, services_that_are_unlike, .init = folder_enter, .fini = folder_leave)
{
    config_free(
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', 'echo': {},"
                   "'tls': {'insecure_any_peer': true}},"
                   "{'name': 'A', 'listen': '[::1]:2', 'role': 'client', 'echo': {},"
                   "'tls': {'insecure_any_peer': true}},"
                   "{'name': 'c', 'listen': 'unix:s', 'role': 'client', 'echo': {},"
                   "'tls': {'insecure_any_peer': true}},"
                   "{'name': 'd', 'listen': 'unix:S', 'role': 'client', 'echo': {},"
                   "'tls': {'insecure_any_peer': true}}]}"));
}

Test(config, warnings, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *tls, *warnings;
    } rows[] = {
        {"'certificate': 'open.pem', 'key': 'peer.pem'", ""},
        {"'certificate': 'peer.pem', 'ca': 'ca.pem'",
         "c.json:2:35: warning: /services/0/tls/ca: has no effect: with \"client_auth\": \"none\" "
         "no client "
         "is asked for a certificate\n"},
        {"'certificate': 'peer.pem', 'client_auth': 'require', 'ca': 'system'",
         "c.json:2:61: warning: /services/0/tls/ca: lets in everybody with a certificate of any "
         "public CA: "
         "add \"peer_names\"\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config_report report;
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': "
                       "{}, 'tls':\n{%s}}]}",
                       rows[i].tls);
        quote(text, strlen(text));
        struct config *config = config_parse("c.json", text, strlen(text), &report);
        char *warnings = join(&report.warnings);
        cr_assert_not_null(config, "%s", rows[i].tls);
        cr_assert_eq(report.errors.count, 0);
        cr_assert_str_eq(warnings, rows[i].warnings, "%s", warnings);
        free(warnings);
        config_free(config);
        config_report_free(&report);
    }
}
