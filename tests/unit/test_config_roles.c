/* Hints about roles, and the networks they are for. */
#include "tests/unit/test_config.h"

#include "config/internal.h"

#include <arpa/inet.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

Test(config_roles, hints, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': {},"
                   "'role_hints': [{'from': '10.1.0.0/16', 'role': 'client'},"
                   "{'from': '2001:db8::/32', 'role': 'server'}], 'remember_roles': true,"
                   "'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true}}]}");
    const struct config_service *service = &config->services[0];
    cr_assert_eq(service->role_hint_count, 2);
    const struct config_role_hint *hints = service->role_hints;
    cr_assert_eq(hints[0].from.family, AF_INET);
    cr_assert_eq(hints[0].from.prefix, 16);
    cr_assert_eq(hints[0].role, CONFIG_ROLE_CLIENT);
    cr_assert_arr_eq(hints[0].from.address, ((uint8_t[16]){10, 1}), 16);
    cr_assert_eq(hints[1].from.family, AF_INET6);
    cr_assert_eq(hints[1].from.prefix, 32);
    cr_assert_eq(hints[1].role, CONFIG_ROLE_SERVER);
    cr_assert_arr_eq(hints[1].from.address, ((uint8_t[16]){0x20, 0x01, 0x0d, 0xb8}), 16);
    cr_assert(service->remember_roles);
    config_free(config);
}

Test(config_roles, none_by_default, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'client', 'echo': {},"
                   "'remember_roles': false, 'tls': {'insecure_any_peer': true}}]}");
    cr_assert_null(config->services[0].role_hints);
    cr_assert_eq(config->services[0].role_hint_count, 0);
    cr_assert_not(config->services[0].remember_roles);
    config_free(config);
}

Test(config_roles, a_narrow_network_before_a_wide_one, .init = folder_enter, .fini = folder_leave)
{
    config_free(parse_good("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': {},"
                           "'role_hints': [{'from': '10.1.0.0/16', 'role': 'client'},"
                           "{'from': '10.0.0.0/8', 'role': 'server'},"
                           "{'from': '11.0.0.0/8', 'role': 'server'},"
                           "{'from': '::/0', 'role': 'client'}],"
                           "'tls': {'certificate': 'peer.pem', 'insecure_any_peer': true}}]}"));
}

/* ---- Networks ----------------------------------------------------------------------------- */

Test(config_roles, networks)
{
    static const struct {
        const char *text, *first;
        int family;
        unsigned prefix;
    } rows[] = {{"0.0.0.0/0", "0.0.0.0", AF_INET, 0},
                {"128.0.0.0/1", "128.0.0.0", AF_INET, 1},
                {"192.0.2.16/28", "192.0.2.16", AF_INET, 28},
                {"192.0.2.17/32", "192.0.2.17", AF_INET, 32},
                {"::/0", "::", AF_INET6, 0},
                {"fe80::/10", "fe80::", AF_INET6, 10},
                {"2001:db8::/127", "2001:db8::", AF_INET6, 127},
                {"2001:DB8::1/128", "2001:db8::1", AF_INET6, 128}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_network network;
        struct error_text error;
        uint8_t expected[16] = {0};
        cr_assert(network_parse(rows[i].text, &network, &error), "%s", rows[i].text);
        cr_assert_eq(inet_pton(rows[i].family, rows[i].first, expected), 1);
        cr_assert_eq(network.family, rows[i].family, "%s", rows[i].text);
        cr_assert_eq(network.prefix, rows[i].prefix, "%s", rows[i].text);
        cr_assert_arr_eq(network.address, expected, 16);
    }
}

Test(config_roles, a_wrong_network_is_empty)
{
    static const char *const rows[] = {"",
                                       "/",
                                       "/8",
                                       "10.0.0.0",
                                       "10.0.0.1/8",
                                       "::ffff:0:0/96",
                                       "10.0.0.0/8/8",
                                       "fe80::1%eth0/128",
                                       "10.0.0.0/+8",
                                       "10.0.0.0/4294967304",
                                       "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_network network;
        struct error_text error;
        cr_assert_not(network_parse(rows[i], &network, &error), "%s", rows[i]);
        cr_assert_eq(network.family, 0, "%s", rows[i]);
        cr_assert(error.text[0] != '\0');
    }
}

Test(config_roles, networks_in_networks)
{
    static const struct {
        const char *outer, *inner;
        bool contained;
    } rows[] = {{"10.0.0.0/8", "10.1.0.0/16", true},
                {"10.0.0.0/8", "10.0.0.0/8", true},
                {"10.1.0.0/16", "10.0.0.0/8", false},
                {"10.0.0.0/8", "11.0.0.0/16", false},
                {"0.0.0.0/0", "255.255.255.255/32", true},
                {"::/0", "10.0.0.0/8", false},
                {"192.0.2.0/25", "192.0.2.128/32", false},
                {"2001:db8::/33", "2001:db8:7fff::/48", true},
                {"2001:db8::/33", "2001:db8:8000::/48", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_network outer, inner;
        struct error_text error;
        cr_assert(network_parse(rows[i].outer, &outer, &error));
        cr_assert(network_parse(rows[i].inner, &inner, &error));
        cr_assert_eq(network_contains(&outer, &inner), rows[i].contained, "%s %s", rows[i].outer,
                     rows[i].inner);
    }
}
