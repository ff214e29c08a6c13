/* actpass_config: setters, loading. */
#include "tests/unit/test_settings.h"

#include <stdio.h>

TestSuite(settings, .timeout = 20);

Test(settings, a_new_one_has_no_error_and_the_documented_defaults)
{
    actpass_config *config = actpass_config_new();
    cr_assert_str_eq(actpass_config_error(config), "");
    const struct config_connection *connection = &config->connection;
    cr_assert_eq(connection->role, CONFIG_ROLE_AUTO);
    cr_assert_eq(connection->transport, CONFIG_TRANSPORT_RELAY);
    cr_assert_eq(connection->initial_data_timeout_ms, 5000);
    cr_assert_eq(connection->handshake_timeout_ms, 10000);
    cr_assert_eq(connection->idle_timeout_ms, 3600000);
    cr_assert_eq(connection->write_timeout_ms, 60000);
    cr_assert_eq(connection->close_timeout_ms, 5000);
    cr_assert_eq(config->connect_timeout_ms, 10000);
    actpass_config_free(config);
    actpass_config_free(NULL);
}

Test(settings, roles_transports_versions_and_ways_to_ask)
{
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_CLIENT), 0);
    cr_assert_eq(config->connection.role, CONFIG_ROLE_CLIENT);
    cr_assert_eq(actpass_config_set_role(config, ACTPASS_ROLE_NONE), -1);
    assert_says(config, "auto, server or client");
    cr_assert_eq(actpass_config_set_role(config, (actpass_role)-1), -1);
    cr_assert_eq(config->connection.role, CONFIG_ROLE_CLIENT, "a refused value changes nothing");

    cr_assert_eq(actpass_config_set_transport(config, ACTPASS_TRANSPORT_DIRECT), 0);
    cr_assert_eq(config->connection.transport, CONFIG_TRANSPORT_DIRECT);
    cr_assert_eq(actpass_config_set_transport(config, (actpass_transport)7), -1);
    assert_says(config, "relay or direct");

    cr_assert_not(config->connection.tcp_fast_open);
    cr_assert_eq(actpass_config_set_tcp_fast_open(config, 1), 0);
    cr_assert(config->connection.tcp_fast_open);
    cr_assert_eq(actpass_config_set_min_version(config, 0x0304), 0);
    cr_assert_eq(config->connection.tls.min_version, CONFIG_TLS_1_3);
    cr_assert_eq(actpass_config_set_min_version(config, 0x0302), -1);
    assert_says(config, "0x0303");

    cr_assert_eq(actpass_config_set_client_auth(config, ACTPASS_CLIENT_AUTH_REQUIRE), 0);
    cr_assert_eq(config->connection.tls.client_auth, CONFIG_CLIENT_AUTH_REQUIRE);
    cr_assert_eq(actpass_config_set_client_auth(config, (actpass_client_auth)99), -1);
    assert_says(config, "require");
    actpass_config_free(config);
}

Test(settings, timeouts)
{
    actpass_config *config = actpass_config_new();
    const struct config_connection *connection = &config->connection;
    const struct {
        actpass_timeout which;
        const int64_t *place;
        bool zero, never; /* allowed? */
    } rows[] = {{ACTPASS_INITIAL_DATA_TIMEOUT, &connection->initial_data_timeout_ms, true, true},
                {ACTPASS_HANDSHAKE_TIMEOUT, &connection->handshake_timeout_ms, false, false},
                {ACTPASS_IDLE_TIMEOUT, &connection->idle_timeout_ms, false, true},
                {ACTPASS_WRITE_TIMEOUT, &connection->write_timeout_ms, false, false},
                {ACTPASS_CLOSE_TIMEOUT, &connection->close_timeout_ms, true, false},
                {ACTPASS_CONNECT_TIMEOUT, &config->connect_timeout_ms, false, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        cr_assert_eq(actpass_config_set_timeout(config, rows[i].which, 17), 0);
        cr_assert_eq(*rows[i].place, 17, "timeout %zu", i);
        cr_assert_eq(actpass_config_set_timeout(config, rows[i].which, 0), rows[i].zero ? 0 : -1);
        cr_assert_eq(*rows[i].place, rows[i].zero ? 0 : 17, "timeout %zu", i);
        cr_assert_eq(actpass_config_set_timeout(config, rows[i].which, ACTPASS_NEVER),
                     rows[i].never ? 0 : -1);
        int64_t now = rows[i].never ? ACTPASS_NEVER : rows[i].zero ? 0 : 17;
        cr_assert_eq(*rows[i].place, now, "timeout %zu", i);
        cr_assert_eq(actpass_config_set_timeout(config, rows[i].which, -2), -1);
        assert_says(config, "_timeout: must be from ");
        cr_assert_eq(actpass_config_set_timeout(config, rows[i].which, INT64_MAX), -1);
        cr_assert_eq(*rows[i].place, now, "a refused value changes nothing");
    }
    cr_assert_eq(actpass_config_set_timeout(config, (actpass_timeout)99, 1), -1);
    assert_says(config, "no such timeout");
    actpass_config_free(config);
}

Test(settings, strings_are_copied_and_replaced)
{
    actpass_config *config = actpass_config_new();
    char text[] = "first.pem";
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_set_identity(config, text, text), 0);
    text[0] = 'x';
    cr_assert_str_eq(tls->certificate, "first.pem");
    cr_assert_eq(actpass_config_set_identity(config, "a.pem", "a.key"), 0);
    cr_assert_str_eq(tls->certificate, "a.pem");
    cr_assert_str_eq(tls->key, "a.key");
    cr_assert_eq(actpass_config_set_identity(config, NULL, "a.key"), -1);
    assert_says(config, "certificate file and a key file");
    cr_assert_eq(actpass_config_set_server_name(config, "b.example"), 0);
    cr_assert_str_eq(tls->server_name, "b.example");
    cr_assert_eq(actpass_config_set_server_name(config, NULL), 0);
    cr_assert_null(tls->server_name);
    cr_assert_eq(actpass_config_set_ciphers(config, "ECDHE+AESGCM", NULL), 0);
    cr_assert_str_eq(tls->ciphers, "ECDHE+AESGCM");
    cr_assert_null(tls->ciphersuites);
    actpass_config_free(config);
}

Test(settings, whom_to_trust)
{
    actpass_config *config = actpass_config_new();
    const struct config_tls *tls = &config->connection.tls;
    cr_assert_eq(actpass_config_set_ca(config, "ca.pem"), 0);
    cr_assert_str_eq(tls->ca, "ca.pem");
    cr_assert_not(tls->ca_system);
    cr_assert_eq(actpass_config_set_ca(config, "system"), 0);
    cr_assert_null(tls->ca);
    cr_assert(tls->ca_system);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(actpass_config_add_peer_name(config, "a.example"), 0);
        cr_assert_eq(actpass_config_add_peer_pin(config, PIN), 0);
        cr_assert_eq(actpass_config_add_alpn(config, "h2"), 0);
    }
    cr_assert_eq(tls->peer_names.count, 3);
    cr_assert_eq(tls->peer_pins.count, 3);
    cr_assert_eq(tls->alpn.count, 3);
    cr_assert_str_eq(tls->alpn.items[2], "h2");
    cr_assert_eq(actpass_config_add_peer_name(config, ""), -1);
    assert_says(config, "empty");
    cr_assert_eq(actpass_config_add_peer_pin(config, NULL), -1);
    char longest[257];
    memset(longest, 'a', 256);
    longest[256] = '\0';
    cr_assert_eq(actpass_config_add_alpn(config, longest), -1);
    assert_says(config, "255");
    longest[255] = '\0';
    cr_assert_eq(actpass_config_add_alpn(config, longest), 0);
    actpass_config_free(config);
}

Test(settings, the_source_of_what_is_dialed)
{
    actpass_config *config = actpass_config_new();
    const struct config_source *source = &config->dial_source;
    cr_assert_eq(actpass_config_add_dial_source(config, "192.0.2.1"), 0);
    cr_assert_eq(actpass_config_add_dial_source(config, "2001:db8::1"), 0);
    cr_assert_eq(actpass_config_add_dial_source(config, "192.0.2.2"), -1);
    cr_assert_str_eq(actpass_config_error(config), "from: must have at most 2 items");
    cr_assert_eq(actpass_config_set_dial_device(config, "eth1"), 0);
    cr_assert_eq(actpass_config_set_dial_mark(config, 0x80000000), -1);
    cr_assert_eq(actpass_config_set_dial_mark(config, 7), 0);
    cr_assert_eq(source->from.count, 2);
    cr_assert_str_eq(source->device, "eth1");
    cr_assert_eq(source->mark, 7);
    cr_assert_eq(actpass_config_set_dial_device(config, NULL), 0);
    cr_assert_eq(actpass_config_set_dial_mark(config, 0), 0);
    cr_assert_null(source->device);
    cr_assert_eq(source->mark, 0);
    actpass_config_free(config);
}

Test(settings, where_to_dial_from)
{
    static const struct {
        const char *address, *says;
    } rows[] = {{"unix:/socket", "dial_from: must be an IP address of this machine and a port"},
                {"localhost:4433", "dial_from: must be an IP address of this machine and a port"},
                {"127.0.0.1", "dial_from: the port is missing"},
                {"", "dial_from: must not be empty"}};
    actpass_config *config = actpass_config_new();
    cr_assert_eq(config->dial_from.kind, CONFIG_ADDRESS_NONE);
    cr_assert_eq(actpass_config_set_dial_from(config, "[::]:4433"), 0);
    cr_assert_eq(actpass_config_set_dial_from(config, "0.0.0.0:0"), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        cr_assert_eq(actpass_config_set_dial_from(config, rows[i].address), -1, "%s",
                     rows[i].address);
        assert_says(config, rows[i].says);
        cr_assert_str_eq(config->dial_from.text, "0.0.0.0:0", "a refused value changes nothing");
    }
    cr_assert_eq(actpass_config_set_dial_from(config, NULL), 0);
    cr_assert_eq(config->dial_from.kind, CONFIG_ADDRESS_NONE);
    actpass_config_free(config);
}

Test(settings, what_to_dial_through)
{
    actpass_config *config = actpass_config_new();
    const struct config_through *through = &config->through;
    cr_assert_eq(through->proxy.kind, CONFIG_PROXY_NONE);
    cr_assert_eq(actpass_config_set_dial_through(config, "http://a.example:3128/", "a.auth"), 0);
    cr_assert_str_eq(through->proxy.text, "http://a.example:3128");
    cr_assert_str_eq(through->credentials_file, "a.auth");
    cr_assert_eq(actpass_config_set_dial_through(config, "socks4://a:1", NULL), -1);
    assert_says(config, "dial_through: SOCKS4 is not spoken here");
    cr_assert_eq(actpass_config_set_dial_through(config, "socks5://a:1", ""), -1);
    assert_says(config, "dial_through_auth: must not be empty");
    cr_assert_eq(actpass_config_set_dial_through(config, NULL, "b.auth"), -1);
    assert_says(config, "dial_through_auth: only goes with a proxy");
    cr_assert_str_eq(through->proxy.text, "http://a.example:3128");
    cr_assert_str_eq(through->credentials_file, "a.auth", "a refused value changes nothing");
    cr_assert_eq(actpass_config_set_dial_through(config, "socks5://[::1]:1080", NULL), 0);
    cr_assert_eq(through->proxy.kind, CONFIG_PROXY_SOCKS5);
    cr_assert_null(through->credentials_file);
    cr_assert_eq(actpass_config_set_dial_through(config, NULL, NULL), 0);
    cr_assert_eq(through->proxy.kind, CONFIG_PROXY_NONE);
    actpass_config_free(config);
}

/* ---- From a file ------------------------------------------------------------------------ */

static const char *write_json(struct test_folder *folder, const struct test_pair *pair)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "{\"services\": ["
             "{\"name\": \"one\", \"listen\": \"127.0.0.1:0\", \"role\": \"server\","
             " \"handshake_timeout\": \"3s\","
             " \"tls\": {\"certificate\": \"%s\", \"key\": \"%s\"}, \"echo\": true},"
             "{\"name\": \"two\", \"listen\": \"127.0.0.1:0\", \"role\": \"client\","
             " \"tls\": {\"ca\": \"%s\", \"peer_names\": [\"right.example\"]}, \"echo\": true},"
             "{\"name\": \"caller\", \"dial\": \"127.0.0.1:1\", \"persistent\": true,"
             " \"dial_from\": \"127.0.0.2:0\", \"connect_timeout\": \"2s\","
             " \"dial_through\": \"socks5://127.0.0.1:1080\","
             " \"tls\": {\"ca\": \"%s\", \"peer_names\": [\"right.example\"]}, \"echo\": true}]}",
             pair->ends[0].certificate, pair->ends[0].key, pair->ca, pair->ca);
    return test_write_text(folder, "actpass.json", text);
}

Test(settings, a_service_of_a_file)
{
    struct test_pair *pair = test_pair_new();
    struct test_folder *folder = test_folder_new();
    const char *file = write_json(folder, pair);
    actpass_config *config = actpass_config_new();
    cr_assert_eq(actpass_config_load(config, file, NULL), 0, "%s", actpass_config_error(config));
    cr_assert_eq(config->connection.role, CONFIG_ROLE_SERVER, "the first one");
    cr_assert_eq(config->connection.handshake_timeout_ms, 3000);
    cr_assert_eq(actpass_config_load(config, file, "caller"), 0, "%s",
                 actpass_config_error(config));
    cr_assert_str_eq(config->dial_from.text, "127.0.0.2:0");
    cr_assert_str_eq(config->through.proxy.text, "socks5://127.0.0.1:1080");
    cr_assert_eq(config->connect_timeout_ms, 2000);
    cr_assert_eq(actpass_config_load(config, file, "two"), 0, "%s", actpass_config_error(config));
    cr_assert_eq(config->dial_from.kind, CONFIG_ADDRESS_NONE, "nothing is left of the one before");
    cr_assert_eq(config->through.proxy.kind, CONFIG_PROXY_NONE);
    cr_assert_eq(config->connection.role, CONFIG_ROLE_CLIENT);
    cr_assert_str_eq(config->connection.tls.peer_names.items[0].text, "right.example");
    cr_assert_eq(actpass_config_load(config, file, "three"), -1);
    assert_says(config, "no service \"three\"");
    cr_assert_eq(actpass_config_load(config, "/no/such.json", NULL), -1);
    assert_says(config, "/no/such.json");
    cr_assert_eq(config->connection.role, CONFIG_ROLE_CLIENT, "a failure changes nothing");
    cr_assert(settings_freeze(config), "%s", actpass_config_error(config));
    actpass_config_free(config);
    test_folder_free(folder);
    test_pair_free(pair);
}
