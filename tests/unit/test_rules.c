/* Which addresses a proxy may dial by a name or by "*". */
#include "server/daemon/proxy/rules.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

enum { PORT = 443 };

TestSuite(rules, .timeout = 60);

static struct proxy_rules *rules_of(char *item)
{
    struct error_text error = {.text = ""};
    struct config_strings allow = {.items = &item, .count = 1};
    struct proxy_rules *rules = proxy_rules_new(&allow, &error);
    cr_assert_not_null(rules, "%s", error.text);
    return rules;
}

static bool may_dial(char *item, const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;
    cr_assert(is_four || inet_pton(AF_INET6, text, &six.sin6_addr) == 1, "%s", text);
    struct proxy_rules *rules = rules_of(item);
    bool may = proxy_rules_have_address(
        rules, is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six, PORT,
        proxy_rules_have_name(rules, NULL, PORT));
    proxy_rules_free(rules);
    return may;
}

/* Also in the forms of IPv6 that lead to an IPv4 address. */
Test(rules, not_to_this_machine_by_everything)
{
    static const char *const special[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "127.0.0.1",
                                          "127.255.255.255",
                                          "169.254.169.254",
                                          "224.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::1",
                                          "::127.0.0.1",
                                          "::ffff:127.0.0.1",
                                          "::ffff:0:127.0.0.1",
                                          "64:ff9b::127.0.0.1",
                                          "64:ff9b::169.254.169.254",
                                          "64:ff9b:1::127.0.0.1",
                                          "2002:7f00:1::1",
                                          "2002:a9fe:a9fe::1",
                                          "fe80::1",
                                          "fec0::1",
                                          "ff02::1"};
    for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
        cr_assert_not(may_dial("*", special[i]), "%s", special[i]);
}

/* In networks without IPv4, DNS64 answers with 64:ff9b:: for all names of the IPv4 internet. */
Test(rules, everything_else)
{
    static const char *const usual[] = {
        "192.0.2.1",          "10.0.0.1",        "::ffff:192.0.2.1", "2001:db8::1",
        "64:ff9b::192.0.2.1", "2002:c000:201::", "fd00::1"};
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        cr_assert(may_dial("*", usual[i]), "%s", usual[i]);
}

Test(rules, by_a_network)
{
    cr_assert(may_dial("[64:ff9b::]/96", "64:ff9b::127.0.0.1"));
    cr_assert(may_dial("127.0.0.0/8", "::ffff:127.0.0.1"));
    cr_assert_not(may_dial("127.0.0.0/8", "64:ff9b::127.0.0.1"));
    cr_assert_not(may_dial("[::]/0", "127.0.0.1"));
    cr_assert_not(may_dial("127.0.0.0/8:80", "127.0.0.1"));
}
