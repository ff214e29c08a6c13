/* server/daemon/proxy/rules.c: where a proxy may connect to. */
#include "server/daemon/proxy/rules.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

TestSuite(proxy_rules, .timeout = 20);

enum { ITEMS_MAX = 4 };

/* Of texts with a NULL behind them. */
static struct proxy_rules *rules_of(const char *const *texts)
{
    char *items[ITEMS_MAX];
    struct config_strings allow = {.items = items};
    struct error_text error = {.text = ""};
    for (; texts[allow.count]; allow.count++)
        items[allow.count] = (char *)texts[allow.count];
    struct proxy_rules *rules = proxy_rules_new(&allow, &error);
    cr_assert_not_null(rules, "%s", error.text);
    return rules;
}

#define RULES(...) rules_of((const char *const[]){__VA_ARGS__, NULL})

static bool may_dial(const struct proxy_rules *rules, const char *address, uint16_t port,
                     bool by_name)
{
    struct sockaddr_storage where = {.ss_family = strchr(address, ':') ? AF_INET6 : AF_INET};
    struct sockaddr_in *ipv4 = (void *)&where;
    struct sockaddr_in6 *ipv6 = (void *)&where;
    void *bytes = where.ss_family == AF_INET ? (void *)&ipv4->sin_addr : (void *)&ipv6->sin6_addr;
    cr_assert_eq(inet_pton(where.ss_family, address, bytes), 1, "%s", address);
    return proxy_rules_have_address(rules, (const struct sockaddr *)(void *)&where, port, by_name);
}

Test(proxy_rules, a_wrong_item)
{
    char *items[] = {(char *)"a.example", (char *)"a.*"};
    const struct config_strings allow = {.items = items, .count = 2};
    struct error_text error = {.text = ""};
    cr_assert_null(proxy_rules_new(&allow, &error));
    cr_assert_not_null(strstr(error.text, "\"allow\""), "%s", error.text);
}

Test(proxy_rules, names_and_ports)
{
    struct proxy_rules *rules = RULES("a.example:443", "*.b.example");
    cr_assert(proxy_rules_have_name(rules, "a.example", 443));
    cr_assert_not(proxy_rules_have_name(rules, "a.example", 80));
    cr_assert(proxy_rules_have_name(rules, "c.b.example", 80));
    cr_assert_not(proxy_rules_have_name(rules, "b.example", 80));
    cr_assert_not(proxy_rules_have_name(rules, NULL, 443), "an address is no name");
    cr_assert_not(proxy_rules_may_dial(rules, "x.example", 443), "it is not even resolved");
    proxy_rules_free(rules);
}

/* The port of one item does not go with the place of another. */
Test(proxy_rules, an_item_allows_as_a_whole)
{
    struct proxy_rules *rules = RULES("a.example:1", "b.example:2", "192.0.2.0/24:3");
    cr_assert_not(proxy_rules_have_name(rules, "a.example", 2));
    cr_assert_not(may_dial(rules, "192.0.2.1", 1, false));
    cr_assert(may_dial(rules, "192.0.2.1", 3, false));
    proxy_rules_free(rules);
}

Test(proxy_rules, a_name_may_lead_into_a_network)
{
    struct proxy_rules *rules = RULES("192.0.2.0/24:3");
    cr_assert(proxy_rules_may_dial(rules, "x.example", 3));
    cr_assert_not(proxy_rules_may_dial(rules, "x.example", 4));
    cr_assert(may_dial(rules, "192.0.2.255", 3, false));
    cr_assert_not(may_dial(rules, "192.0.3.0", 3, false));
    cr_assert(may_dial(rules, "::ffff:192.0.2.1", 3, false), "it is the same address");
    proxy_rules_free(rules);
}

Test(proxy_rules, everything)
{
    struct proxy_rules *rules = RULES("*:443");
    cr_assert(proxy_rules_have_name(rules, NULL, 443) && proxy_rules_have_name(rules, "a", 443));
    cr_assert_not(proxy_rules_have_name(rules, NULL, 80));
    cr_assert(may_dial(rules, "203.0.113.1", 443, true));
    cr_assert_not(may_dial(rules, "203.0.113.1", 443, false));
    proxy_rules_free(rules);
}

static const char *const special[] = {"127.0.0.1",
                                      "127.255.255.255",
                                      "0.0.0.0",
                                      "169.254.169.254",
                                      "224.0.0.1",
                                      "255.255.255.255",
                                      "::1",
                                      "::",
                                      "fe80::1",
                                      "ff02::1",
                                      "::ffff:127.0.0.1",
                                      "64:ff9b::7f00:1"};

Test(proxy_rules, special_addresses_need_a_network)
{
    struct proxy_rules *rules = RULES("*", "a.example");
    struct proxy_rules *networks = RULES("0.0.0.0/0", "[::]/0");
    for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
        cr_expect_not(may_dial(rules, special[i], 1, true), "%s", special[i]);
        cr_expect(may_dial(networks, special[i], 1, false), "%s", special[i]);
    }
    cr_assert(may_dial(rules, "128.0.0.1", 1, true) && may_dial(rules, "2001:db8::1", 1, true));
    cr_assert(may_dial(rules, "10.0.0.1", 1, true), "private ones are not among them");
    proxy_rules_free(rules);
    proxy_rules_free(networks);
}
