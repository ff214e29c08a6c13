/* "limits": what one peer's address may take, and who may connect. */
#include "tests/unit/test_config.h"

#include <arpa/inet.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* What is in the limits of an otherwise good service, on the last line. */
#define LIMITS(keys) SERVICE("'limits': {" keys "}")

static const struct bad_text bad_limits[] = {
    {"limits a number", SERVICE("'limits': 100"),
     "c.json:3:11: /services/0/limits: must be an object, not a number\n"},
    {"limits a list", SERVICE("'limits': ['192.0.2.0/24']"),
     "c.json:3:11: /services/0/limits: must be an object, not a list\n"},
    {"limits null", SERVICE("'limits': null"),
     "c.json:3:11: /services/0/limits: must be an object, not null\n"},
    {"limits twice", SERVICE("'limits': {'per_address': 1}, 'limits': {'per_address': 2}"),
     "c.json:3:31: /services/0/limits: duplicate key, first given at 3:1\n"},
    {"limits without listen",
     DIAL("'dial': '[::1]:1', 'listen_plain': '[::1]:2', "
          "'limits': {'per_address': 1}"),
     "c.json:2:47: /services/0/limits: only goes with \"listen\", remove it\n"},
    {"limits of a socket",
     QUOTED("{'services': [{'name': 'a', 'listen': 'unix:s', 'role': 'server', 'echo': true,\n"
            "'tls': {'certificate': 'peer.pem'},\n'limits': {}}]}"),
     "c.json:3:1: /services/0/limits: knows peers by their IP addresses, and a unix: address has "
     "none\n"},
    {"limits of a socket, and a network in both lists",
     QUOTED("{'services': [{'name': 'a', 'listen': 'unix:s', 'role': 'server', 'echo': true,\n"
            "'tls': {'certificate': 'peer.pem'},\n"
            "'limits': {'allow': ['::/0'], 'deny': ['::/0']}}]}"),
     "c.json:3:1: /services/0/limits: knows peers by their IP addresses, and a unix: address has "
     "none\n"
     "c.json:3:40: /services/0/limits/deny/0: is in \"allow\", too; remove one of the two\n"},
    {"another key", LIMITS("'connections': 1"),
     "c.json:3:12: /services/0/limits/connections: unknown key; actpass --schema prints the known "
     "ones\n"},
    {"a key with a slip", LIMITS("'per_adress': 1"),
     "c.json:3:12: /services/0/limits/per_adress: unknown key, did you mean \"per_address\"?\n"},
    {"a key of the service", LIMITS("'max_connections': 1"),
     "c.json:3:12: /services/0/limits/max_connections: unknown key here, it belongs one level "
     "up\n"},
    {"a key of limits in the service", SERVICE("'per_address': 1"),
     "c.json:3:1: /services/0/per_address: unknown key here, it belongs under \"limits\"\n"},
    {"none at all", LIMITS("'per_address': 0, 'undecided_per_address': 0, 'rate_per_address': 0"),
     "c.json:3:27: /services/0/limits/per_address: must be from 1 to 1000000\n"
     "c.json:3:55: /services/0/limits/undecided_per_address: must be from 1 to 1000000\n"
     "c.json:3:78: /services/0/limits/rate_per_address: must be from 1 to 1000000\n"},
    {"more than a million",
     LIMITS("'per_address': 1000001, 'undecided_per_address': 1000001, "
            "'rate_per_address': 18446744073709551617"),
     "c.json:3:27: /services/0/limits/per_address: must be from 1 to 1000000\n"
     "c.json:3:61: /services/0/limits/undecided_per_address: must be from 1 to 1000000\n"
     "c.json:3:90: /services/0/limits/rate_per_address: must be from 1 to 1000000\n"},
    {"no whole numbers",
     LIMITS("'per_address': -1, 'undecided_per_address': 1.5, 'rate_per_address': 1e2"),
     "c.json:3:27: /services/0/limits/per_address: must be from 1 to 1000000\n"
     "c.json:3:56: /services/0/limits/undecided_per_address: must be a whole number in plain "
     "digits\n"
     "c.json:3:81: /services/0/limits/rate_per_address: must be a whole number in plain digits\n"},
    {"no numbers",
     LIMITS("'per_address': '5', 'undecided_per_address': null, 'rate_per_address': '5/s'"),
     "c.json:3:27: /services/0/limits/per_address: must be a whole number, not a string\n"
     "c.json:3:57: /services/0/limits/undecided_per_address: must be a whole number, not null\n"
     "c.json:3:83: /services/0/limits/rate_per_address: must be a whole number, not a string\n"},
    {"prefixes of no bits", LIMITS("'ipv4_prefix': 0, 'ipv6_prefix': 0"),
     "c.json:3:27: /services/0/limits/ipv4_prefix: must be from 1 to 32\n"
     "c.json:3:45: /services/0/limits/ipv6_prefix: must be from 1 to 128\n"},
    {"prefixes of too many bits", LIMITS("'ipv4_prefix': 33, 'ipv6_prefix': 129"),
     "c.json:3:27: /services/0/limits/ipv4_prefix: must be from 1 to 32\n"
     "c.json:3:46: /services/0/limits/ipv6_prefix: must be from 1 to 128\n"},
    {"a network alone", LIMITS("'allow': '192.0.2.0/24', 'deny': {}"),
     "c.json:3:21: /services/0/limits/allow: must be a list of networks, not a string\n"
     "c.json:3:45: /services/0/limits/deny: must be a list of networks, not an object\n"},
    {"no networks", LIMITS("'allow': [], 'deny': []"),
     "c.json:3:21: /services/0/limits/allow: must not be empty\n"
     "c.json:3:33: /services/0/limits/deny: must not be empty\n"},
    {"what is no network",
     LIMITS("'deny': [1, '', 'a.example', '192.0.2.1', '10.0.0.0/33', '10.1.0.0/8']"),
     "c.json:3:21: /services/0/limits/deny/0: must be a network in a string, not a number\n"
     "c.json:3:24: /services/0/limits/deny/1: must not be empty\n"
     "c.json:3:28: /services/0/limits/deny/2: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"
     "c.json:3:41: /services/0/limits/deny/3: the length of the prefix is missing; one address "
     "alone is \"192.0.2.1/32\"\n"
     "c.json:3:54: /services/0/limits/deny/4: the length of the prefix must be a number from 0 to "
     "32\n"
     "c.json:3:69: /services/0/limits/deny/5: has bits beyond the first 8; the network is "
     "\"10.0.0.0/8\"\n"},
    {"wrong networks in both lists are not the same one",
     LIMITS("'allow': ['x', '192.0.2.1'], 'deny': ['x', '192.0.2.1']"),
     "c.json:3:22: /services/0/limits/allow/0: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"
     "c.json:3:27: /services/0/limits/allow/1: the length of the prefix is missing; one address "
     "alone is \"192.0.2.1/32\"\n"
     "c.json:3:50: /services/0/limits/deny/0: must be a network, as in \"192.0.2.0/24\" or "
     "\"2001:db8::/32\"\n"
     "c.json:3:55: /services/0/limits/deny/1: the length of the prefix is missing; one address "
     "alone is \"192.0.2.1/32\"\n"},
    {"a network in both lists",
     LIMITS("'deny': ['10.0.0.0/8', '192.0.2.0/24', '2001:db8::/32'],\n"
            "'allow': ['2001:DB8:0::/32', '10.0.0.0/16', '192.0.2.0/24']"),
     "c.json:3:35: /services/0/limits/deny/1: is in \"allow\", too; remove one of the two\n"
     "c.json:3:51: /services/0/limits/deny/2: is in \"allow\", too; remove one of the two\n"},
    {"a network in one list and twice in the other",
     LIMITS("'deny': ['10.0.0.0/8'], 'allow': ['10.0.0.0/8', '10.0.0.0/8']"),
     "c.json:3:21: /services/0/limits/deny/0: is in \"allow\", too; remove one of the two\n"},
};

TEST_BAD_TEXTS(config_limits, bad_limits_texts, bad_limits)

/* ---- Good ones ------------------------------------------------------------------------------ */

static struct config *parse_limits(const char *keys)
{
    char text[1024];
    int length = snprintf(text, sizeof(text), BEGIN "'tls': {'certificate': 'peer.pem'}%s%s%s}]}",
                          keys ? ",'limits': {" : "", keys ? keys : "", keys ? "}" : "");
    cr_assert_lt(length, (int)sizeof(text));
    return parse_good(text);
}

Test(config_limits, defaults, .init = folder_enter, .fini = folder_leave)
{
    static const char *const rows[] = {NULL, ""};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config *config = parse_limits(rows[i]);
        const struct config_limits *limits = &config->services[0].limits;
        cr_assert_eq(limits->per_address, 0);
        cr_assert_eq(limits->undecided_per_address, 0);
        cr_assert_eq(limits->rate_per_address, 0);
        cr_assert_eq(limits->ipv4_prefix, 32);
        cr_assert_eq(limits->ipv6_prefix, 64);
        cr_assert_eq(limits->allow_count, 0);
        cr_assert_eq(limits->deny_count, 0);
        config_free(config);
    }
}

Test(config_limits, numbers, .init = folder_enter, .fini = folder_leave)
{
    struct config *config =
        parse_limits("'per_address': 1, 'undecided_per_address': 1000000, 'rate_per_address': 7, "
                     "'ipv4_prefix': 1, 'ipv6_prefix': 128");
    const struct config_limits *limits = &config->services[0].limits;
    cr_assert_eq(limits->per_address, 1);
    cr_assert_eq(limits->undecided_per_address, 1000000);
    cr_assert_eq(limits->rate_per_address, 7);
    cr_assert_eq(limits->ipv4_prefix, 1);
    cr_assert_eq(limits->ipv6_prefix, 128);
    config_free(config);
}

static void check_network(const struct config_network *network, int family, unsigned prefix,
                          const char *address)
{
    char text[INET6_ADDRSTRLEN];
    cr_assert_eq(network->family, family);
    cr_assert_eq(network->prefix, prefix);
    cr_assert_not_null(inet_ntop(family, network->address, text, sizeof(text)));
    cr_assert_str_eq(text, address);
}

/* One network may lie in another of the other list: the longer prefix counts. */
Test(config_limits, networks, .init = folder_enter, .fini = folder_leave)
{
    struct config *config = parse_limits("'allow': ['192.0.2.0/24', '::/0'], 'deny': "
                                         "['192.0.2.0/25', '0.0.0.0/0', '2001:DB8::/32']");
    const struct config_limits *limits = &config->services[0].limits;
    cr_assert_eq(limits->allow_count, 2);
    check_network(&limits->allow[0], AF_INET, 24, "192.0.2.0");
    check_network(&limits->allow[1], AF_INET6, 0, "::");
    cr_assert_eq(limits->deny_count, 3);
    check_network(&limits->deny[0], AF_INET, 25, "192.0.2.0");
    check_network(&limits->deny[1], AF_INET, 0, "0.0.0.0");
    check_network(&limits->deny[2], AF_INET6, 32, "2001:db8::");
    config_free(config);
}
