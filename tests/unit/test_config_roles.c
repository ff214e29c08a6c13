/* Hints about roles, and the networks they are for. */
#include "tests/unit/test_config.h"

#include "config/internal.h"

#include <arpa/inet.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct bad_text bad_hints[] = {
    {"hints an object", HEARD("'role_hints': {'from': '10.0.0.0/8', 'role': 'client'}"),
     "c.json:3:15: /services/0/role_hints: must be a list of objects, not an object\n"},
    {"hints empty", HEARD("'role_hints': []"),
     "c.json:3:15: /services/0/role_hints: must not be empty\n"},
    {"hint a string", HEARD("'role_hints': ['10.0.0.0/8']"),
     "c.json:3:16: /services/0/role_hints/0: must be an object, not a string\n"},
    {"hint empty", HEARD("'role_hints': [{}]"),
     "c.json:3:16: /services/0/role_hints/0: \"from\" is missing\n"
     "c.json:3:16: /services/0/role_hints/0: \"role\" is missing\n"},
    {"hint with another key",
     HEARD("'role_hints': [{'from': '10.0.0.0/8', 'role': 'client', 'name': 'x'}]"),
     "c.json:3:57: /services/0/role_hints/0/name: unknown key here, it belongs one level up\n"},
    {"hint of role auto", HEARD("'role_hints': [{'from': '10.0.0.0/8', 'role': 'auto'}]"),
     "c.json:3:47: /services/0/role_hints/0/role: must be \"server\" or \"client\"\n"},
    {"hint from a number", HEARD("'role_hints': [{'from': 10, 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: must be a network in a string, not a number\n"},
    {"hint from a name", HEARD("'role_hints': [{'from': 'a.example', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"},
    {"hint from an address",
     HEARD("'role_hints': [{'from': '192.0.2.1', 'role': 'client'}, {'from': '2001:db8::1', "
           "'role': 'server'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: the length of the prefix is missing; one address "
     "alone is \"192.0.2.1/32\"\n"
     "c.json:3:66: /services/0/role_hints/1/from: the length of the prefix is missing; one address "
     "alone is \"2001:db8::1/128\"\n"},
    {"hint from part of an address", HEARD("'role_hints': [{'from': '10/8', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"},
    {"hint from brackets", HEARD("'role_hints': [{'from': '[2001:db8::]/32', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"},
    {"hint with a long prefix",
     HEARD("'role_hints': [{'from': '10.0.0.0/33', 'role': 'client'}, {'from': '2001:db8::/129', "
           "'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: the length of the prefix must be a number from 0 "
     "to 32\n"
     "c.json:3:68: /services/0/role_hints/1/from: the length of the prefix must be a number from 0 "
     "to 128\n"},
    {"hint with a prefix that is none",
     HEARD("'role_hints': [{'from': '10.0.0.0/', 'role': 'client'}, {'from': '10.0.0.0/08', "
           "'role': 'client'},\n"
           "{'from': '10.0.0.0/255.0.0.0', 'role': 'client'}, {'from': '10.0.0.0/-1', 'role': "
           "'client'}, {'from': '10.0.0.0/8 ', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: the length of the prefix must be a number from 0 "
     "to 32\n"
     "c.json:3:66: /services/0/role_hints/1/from: the length of the prefix must be a number from 0 "
     "to 32\n"
     "c.json:4:10: /services/0/role_hints/2/from: the length of the prefix must be a number from 0 "
     "to 32\n"
     "c.json:4:60: /services/0/role_hints/3/from: the length of the prefix must be a number from 0 "
     "to 32\n"
     "c.json:4:103: /services/0/role_hints/4/from: the length of the prefix must be a number from "
     "0 to 32\n"},
    {"hint with host bits",
     HEARD("'role_hints': [{'from': '192.0.2.17/24', 'role': 'client'}, {'from': '192.0.2.17/28', "
           "'role': 'client'}, {'from': '0.0.0.1/0', 'role': 'server'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: has bits beyond the first 24; the network is "
     "\"192.0.2.0/24\"\n"
     "c.json:3:70: /services/0/role_hints/1/from: has bits beyond the first 28; the network is "
     "\"192.0.2.16/28\"\n"
     "c.json:3:115: /services/0/role_hints/2/from: has bits beyond the first 0; the network is "
     "\"0.0.0.0/0\"\n"},
    {"hint with host bits, IPv6",
     HEARD("'role_hints': [{'from': '2001:db8:8000::/32', 'role': 'client'}, {'from': "
           "'fe80::1/10', 'role': 'client'}, {'from': '2001:db8::3/127', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: has bits beyond the first 32; the network is "
     "\"2001:db8::/32\"\n"
     "c.json:3:75: /services/0/role_hints/1/from: has bits beyond the first 10; the network is "
     "\"fe80::/10\"\n"
     "c.json:3:117: /services/0/role_hints/2/from: has bits beyond the first 127; the network is "
     "\"2001:db8::2/127\"\n"},
    {"hint from an IPv4-mapped network",
     HEARD("'role_hints': [{'from': '::ffff:192.0.2.0/120', 'role': 'client'}, {'from': "
           "'::ffff:c000:211/120', 'role': 'client'}]"),
     "c.json:3:25: /services/0/role_hints/0/from: is an IPv4 network and is written so: "
     "\"192.0.2.0/24\"\n"
     "c.json:3:77: /services/0/role_hints/1/from: is an IPv4 network and is written so: "
     "\"192.0.2.0/24\"\n"},
    {"hint twice",
     HEARD("'role_hints': [{'from': '192.0.2.0/24', 'role': 'client'}, {'from': '192.0.2.0/24', "
           "'role': 'client'}]"),
     "c.json:3:69: /services/0/role_hints/1/from: is never reached: 3:25 comes before it\n"},
    {"hint behind a wider one",
     HEARD("'role_hints': [{'from': '2001:db8::/32', 'role': 'client'}, {'from': '10.0.0.0/8', "
           "'role': 'client'}, {'from': '10.1.0.0/16', 'role': 'server'},\n"
           "{'from': '2001:db8:1::/48', 'role': 'server'}]"),
     "c.json:3:112: /services/0/role_hints/2/from: is never reached: 3:70 comes before it\n"
     "c.json:4:10: /services/0/role_hints/3/from: is never reached: 3:25 comes before it\n"},
    {"hint behind two wider ones",
     HEARD("'role_hints': [{'from': '10.0.0.0/8', 'role': 'client'}, {'from': '10.1.0.0/16', "
           "'role': 'server'},\n"
           "{'from': '10.1.1.0/24', 'role': 'server'}]"),
     "c.json:3:67: /services/0/role_hints/1/from: is never reached: 3:25 comes before it\n"
     "c.json:4:10: /services/0/role_hints/2/from: is never reached: 3:25 comes before it\n"},
    {"hints behind everything",
     HEARD("'role_hints': [{'from': '0.0.0.0/0', 'role': 'client'}, {'from': '10.1.0.0/16', "
           "'role': 'server'}]"),
     "c.json:3:66: /services/0/role_hints/1/from: is never reached: 3:25 comes before it\n"},
    {"hints with role server", SERVICE("'role_hints': [{'from': '10.0.0.0/8', 'role': 'client'}]"),
     "c.json:3:1: /services/0/role_hints: only goes with \"role\": \"auto\", remove it\n"},
    {"hints with dial",
     QUOTED("{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', 'insecure_any_peer': "
            "true},\n"
            "'role': 'auto', 'persistent': true, 'echo': true, 'dial': '[::1]:1', 'role_hints': "
            "[{'from': '10.0.0.0/8', 'role': 'client'}]}]}"),
     "c.json:2:70: /services/0/role_hints: only goes with \"listen\", remove it\n"},
    {"hints on a unix socket",
     QUOTED("{'services': [{'name': 'a', 'tls': {'certificate': 'peer.pem', 'insecure_any_peer': "
            "true},\n"
            "'listen': 'unix:s', 'echo': true, 'role_hints': [{'from': '10.0.0.0/8', 'role': "
            "'client'}], 'remember_roles': true}]}"),
     "c.json:2:35: /services/0/role_hints: knows peers by their IP addresses, and a unix: address "
     "has none\n"
     "c.json:2:93: /services/0/remember_roles: knows peers by their IP addresses, and a unix: "
     "address has none\n"},
    {"remember_roles with role server", SERVICE("'remember_roles': true"),
     "c.json:3:1: /services/0/remember_roles: only goes with \"role\": \"auto\", remove it\n"},
    {"remember_roles with dial",
     DIAL("'echo': true, 'persistent': true, 'dial': '[::1]:1', 'remember_roles': true"),
     "c.json:2:54: /services/0/remember_roles: only goes with \"role\": \"auto\", remove it\n"},
    {"remember_roles a list", HEARD("'remember_roles': []"),
     "c.json:3:19: /services/0/remember_roles: must be true or false, not a list\n"}};

TEST_BAD_TEXTS(config_roles, bad_hints, bad_hints)

/* ---- Good ones ---------------------------------------------------------------------------- */

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
        struct network_fault fault;
        uint8_t expected[16] = {0};
        cr_assert(network_parse(rows[i].text, &network, &fault), "%s", rows[i].text);
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
        struct network_fault fault;
        cr_assert_not(network_parse(rows[i], &network, &fault), "%s", rows[i]);
        cr_assert_eq(network.family, 0, "%s", rows[i]);
        cr_assert(fault.text[0] != '\0');
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
        struct network_fault fault;
        cr_assert(network_parse(rows[i].outer, &outer, &fault));
        cr_assert(network_parse(rows[i].inner, &inner, &fault));
        cr_assert_eq(network_contains(&outer, &inner), rows[i].contained, "%s %s", rows[i].outer,
                     rows[i].inner);
    }
}
