/* Services that dial, TCP Fast Open. */
#include "tests/unit/test_config.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* What a name stands for is not judged, and an IPv6 socket takes no IPv4 connections. */
Test(config_dial, to_the_own_port_by_name, .init = folder_enter, .fini = folder_leave)
{
    static const struct {
        const char *listen, *forward;
    } rows[] = {{"[::]:8443", "localhost:8443"},
                {"0.0.0.0:8443", "localhost:8443"},
                {"0.0.0.0:8443", "[::1]:8443"},
                {"[::]:8443", "127.0.0.1:8443"},
                {"0.0.0.0:8443", "127.a.example:8443"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'role': 'server', 'listen': '%s', "
                       "'forward': '%s', 'tls': {'certificate': 'peer.pem'}}]}",
                       rows[i].listen, rows[i].forward);
        config_free(parse_good(text));
    }
}

Test(config_dial, two_on_a_port_of_which_one_has_a_name, .init = folder_enter, .fini = folder_leave)
{
    config_free(parse_good("{'services': [{'name': 'a', 'role': 'server', 'listen': '0.0.0.0:443', "
                           "'echo': true, 'tls': {'certificate': 'peer.pem'}}, "
                           "{'name': 'b', 'role': 'server', 'listen': 'localhost:443', "
                           "'echo': true, 'tls': {'certificate': 'peer.pem'}}]}"));
}

Test(config_dial, every_key_of_a_persistent_one, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_good(
        "{'services': [{'name': 'a', 'dial': ['a.example:1', '[::1]:2', 'unix:s'],"
        "'persistent': true, 'retry': {'min': '200ms', 'max': '5m'},"
        "'connect_timeout': '3s', 'role': 'auto', 'dial_from': '[::1]:7', 'tcp_fast_open': true,"
        "'remember_roles': true, 'forward': '[::1]:3',"
        "'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    const struct config_dial *dial = &service->dial;
    cr_assert_eq(service->listen.count, 0);
    cr_assert_eq(dial->address_count, 3);
    cr_assert_str_eq(dial->addresses[0].host, "a.example");
    cr_assert_eq(dial->addresses[0].port, 1);
    cr_assert_str_eq(dial->addresses[1].host, "::1");
    cr_assert_eq(dial->addresses[2].kind, CONFIG_ADDRESS_UNIX);
    cr_assert_str_eq(dial->addresses[2].path, "s");
    cr_assert_str_eq(dial->from.host, "::1");
    cr_assert_eq(dial->from.port, 7);
    cr_assert_eq(dial->listen_plain.count, 0);
    cr_assert(dial->persistent);
    cr_assert_eq(dial->retry_min_ms, 200);
    cr_assert_eq(dial->retry_max_ms, 300000);
    cr_assert_eq(dial->connect_timeout_ms, 3000);
    cr_assert_eq(service->connection.role, CONFIG_ROLE_AUTO);
    cr_assert(service->connection.tcp_fast_open);
    cr_assert(service->remember_roles);
    cr_assert_eq(service->as_server.kind, CONFIG_HANDLER_FORWARD);
    cr_assert_eq(service->as_client.kind, CONFIG_HANDLER_FORWARD);
    config_free(config);
}

static void expect_keep(const char *keys, struct config_keep wanted, uint64_t connections)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "{'services': [{'name': 'a', 'dial': ['a:1', 'b:2'], %s, 'echo': true,"
                   "'tls': {'insecure_any_peer': true}}]}",
                   keys);
    struct config *config = parse_good(text);
    const struct config_dial *dial = &config->services[0].dial;
    cr_assert_eq(dial->persistent, !strstr(keys, "periodic"), "%s", keys);
    cr_assert_eq(dial->periodic, !dial->persistent);
    cr_assert_eq(dial->keep.spare, wanted.spare, "%s", keys);
    cr_assert_eq(dial->keep.max, wanted.max, "%s", keys);
    cr_assert_eq(dial->keep.collectors, wanted.collectors);
    cr_assert_eq(dial->keep.every_ms, wanted.every_ms);
    cr_assert_eq(dial->keep.window_ms, wanted.window_ms);
    cr_assert_eq(dial->keep.idle_timeout_ms, wanted.idle_timeout_ms);
    cr_assert_eq(dial->keep.attempts, wanted.attempts);
    cr_assert_eq(config_dial_connections(dial), connections, "%s", keys);
    config_free(config);
}

Test(config_dial, what_is_kept_and_what_is_periodic, .init = folder_enter, .fini = folder_leave)
{
    struct config_keep keep = {
        .spare = 1, .max = 1, .every_ms = 3600000, .idle_timeout_ms = 120000, .attempts = 3};
    expect_keep("'persistent': true", keep, 1);
    expect_keep("'periodic': true", keep, 1);
    expect_keep("'periodic': {}, 'persistent': false", keep, 1);
    keep.max = 64;
    expect_keep("'persistent': {}, 'retry': {'jitter': '10s'}", keep, 64);
    keep.spare = 3;
    keep.max = 9;
    keep.collectors = CONFIG_COLLECTORS_ALL;
    expect_keep("'persistent': {'spare': 3, 'max': 9, 'collectors': 'all'}", keep, 18);
    expect_keep("'periodic': {'every': '1m', 'window': '20s', 'idle_timeout': '5s', 'attempts': 7}",
                (struct config_keep){.spare = 1,
                                     .max = 1,
                                     .every_ms = 60000,
                                     .window_ms = 20000,
                                     .idle_timeout_ms = 5000,
                                     .attempts = 7},
                1);
}

Test(config_dial, defaults_of_a_bridge, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'dial': 'a.example:1', 'listen_plain': '[::1]:0',"
                   "'tls': {'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    const struct config_dial *dial = &service->dial;
    cr_assert_eq(dial->address_count, 1);
    cr_assert_str_eq(dial->addresses[0].text, "a.example:1");
    cr_assert_str_eq(dial->listen_plain.addresses[0].host, "::1");
    cr_assert_eq(dial->listen_plain.addresses[0].port, 0);
    cr_assert_eq(dial->from.kind, CONFIG_ADDRESS_NONE);
    cr_assert_not(dial->persistent);
    cr_assert_eq(dial->retry_min_ms, 1000);
    cr_assert_eq(dial->retry_max_ms, 60000);
    cr_assert_eq(dial->connect_timeout_ms, 10000);
    cr_assert_eq(service->connection.role, CONFIG_ROLE_CLIENT, "who dials is client");
    cr_assert_not(service->connection.tcp_fast_open);
    cr_assert_not(service->remember_roles);
    cr_assert_eq(service->as_server.kind, CONFIG_HANDLER_NONE);
    cr_assert_eq(service->as_client.kind, CONFIG_HANDLER_NONE);
    config_free(config);
}

Test(config_dial, what_else_is_good, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {
        "'dial': 'a:1', 'persistent': true, 'forward': 'a:9', 'start': 'proxy'",
        "'listen': '[::1]:1', 'forward': 'a:9', 'start': 'first_byte', 'limits': {'rate': 100}",
        "'dial': 'a:1', 'role': 'server', 'persistent': true, 'echo': true",
        "'dial': 'a:1', 'role': 'client', 'listen_plain': 'unix:s'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'persistent': false",
        "'dial': 'a:1', 'persistent': true, 'as_client': {'echo': true}",
        "'dial': 'a:1', 'persistent': true, 'http': {'root': 'folder'}, 'retry': {}",
        "'dial': 'a:1', 'persistent': true, 'echo': {}, 'retry': {'min': '5s', 'max': '5s'}",
        "'dial': ['a:1','b:2','c:3','d:4','e:5','f:6','g:7','h:8'], 'listen_plain': 'a:9'",
        "'dial': ['a:1', 'unix:b'], 'tcp_fast_open': true, 'persistent': true, 'echo': {}",
        "'listen': '[::1]:1', 'echo': {}, 'tcp_fast_open': true, 'tcp_fast_open_queue': 65535",
        "'dial': ['a:1', '127.0.0.1:1'], 'persistent': true, 'echo': {}, 'dial_from': '[::]:1'",
        "'dial': ['[::1]:1','127.0.0.1:1'],'persistent': true,'echo': {},'dial_from': '0.0.0.0:1'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'dial_from': '127.0.0.1:0'",
        "'dial': 'a:1', 'listen_plain': 'unix:s', 'max_connections': 1, 'dial_from': '[::1]:1'",
        "'dial': '[fe80::1%eth0]:1', 'listen_plain': 'unix:s', 'dial_from': '[fe80::2%eth0]:0'",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', "
                       "'insecure_any_peer': true}, %s}]}",
                       rows[i]);
        config_free(parse_good(text));
    }
}

Test(config_dial, fast_open_queue, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': {}, 'role': 'client',"
                   "'tcp_fast_open': true, 'tls': {'insecure_any_peer': true}},"
                   "{'name': 'b', 'listen': '[::1]:2', 'echo': {}, 'role': 'client',"
                   "'tcp_fast_open': true, 'tcp_fast_open_queue': 17,"
                   "'tls': {'insecure_any_peer': true}}]}");
    cr_assert_eq(config->services[0].tcp_fast_open_queue, 256);
    cr_assert_eq(config->services[1].tcp_fast_open_queue, 17);
    config_free(config);
}

Test(config_dial, socket_paths_count_from_the_files_folder, .init = folder_enter,
     .fini = folder_leave)
{
    struct config_report report;
    char text[] = "{'services': [{'name': 'a', 'dial': ['unix:s', 'unix:/t'],"
                  "'listen_plain': 'unix:u', 'tls': {'insecure_any_peer': true}}]}";
    quote(text, strlen(text));
    struct config *config = config_parse("folder/c.json", text, strlen(text), &report);
    cr_assert_not_null(config);
    cr_assert_str_eq(config->services[0].dial.addresses[0].path, "folder/s");
    cr_assert_str_eq(config->services[0].dial.addresses[1].path, "/t");
    cr_assert_str_eq(config->services[0].dial.listen_plain.addresses[0].path, "folder/u");
    config_free(config);
    config_report_free(&report);
}
