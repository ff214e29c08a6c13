/* "limits": what one peer's address may take, and who may connect. */
#include "tests/unit/test_config.h"

#include <arpa/inet.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

#define BEGIN "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': true,\n"

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
