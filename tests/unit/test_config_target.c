/* config/target.c: what "allow" of a proxy means. golden/config.txt has the messages about wrong
 * ones. */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(config_target, .timeout = 20);

static struct config_target target_of(const char *text)
{
    struct config_target target;
    struct error_text error;
    cr_assert(config_target_parse(text, &target, &error), "%s: %s", text, error.text);
    return target;
}

static const struct good {
    const char *text;
    enum config_target_kind kind;
    const char *name;
    unsigned prefix;
    size_t ports;
} good[] = {
    {"*", CONFIG_TARGET_ANY, "", 0, 0},
    {"*:443", CONFIG_TARGET_ANY, "", 0, 1},
    {"A.Example", CONFIG_TARGET_NAME, "a.example", 0, 0},
    {"*.A.Example:80,8000-8999", CONFIG_TARGET_BELOW, "a.example", 0, 2},
    {"192.0.2.1", CONFIG_TARGET_NETWORK, "", 32, 0},
    {"192.0.2.0/24:443", CONFIG_TARGET_NETWORK, "", 24, 1},
    {"0.0.0.0/0", CONFIG_TARGET_NETWORK, "", 0, 0},
    {"2001:db8::1", CONFIG_TARGET_NETWORK, "", 128, 0},
    {"2001:db8::/32", CONFIG_TARGET_NETWORK, "", 32, 0},
    {"[2001:db8::1]", CONFIG_TARGET_NETWORK, "", 128, 0},
    {"[2001:db8::]/32:1-2", CONFIG_TARGET_NETWORK, "", 32, 1},
    {"a:1,2,3,4,5,6,7,8", CONFIG_TARGET_NAME, "a", 0, 8},
};

Test(config_target, each_form)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct config_target target = target_of(good[i].text);
        cr_assert_eq(target.kind, good[i].kind, "%s", good[i].text);
        cr_assert_str_eq(target.name, good[i].name);
        cr_assert_eq(target.port_count, good[i].ports, "%s", good[i].text);
        if (target.kind == CONFIG_TARGET_NETWORK)
            cr_assert_eq(target.network.prefix, good[i].prefix, "%s", good[i].text);
    }
}

Test(config_target, wrong_ones)
{
    static const char *const wrong[] = {"",           ":443",
                                        "a:",         "a:0",
                                        "a:443-80",   "a:1,,2",
                                        "a:1,",       "a:65536",
                                        "a*.b",       "*a",
                                        "a.*",        "*.*.a",
                                        "**",         "*.",
                                        ".a",         "192.0.2.1/24",
                                        "1.2.3.4/",   "1.2.3",
                                        "::1/129",    "[::1",
                                        "[::1]x",     "[::1]443",
                                        "[1.2.3.4]",  "[]:1",
                                        "a/24",       "a:1,2,3,4,5,6,7,8,9",
                                        "a b",        "0x7f.1",
                                        "2130706433", "fe80::1%lo"};
    struct config_target target;
    struct error_text error;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_expect_not(config_target_parse(wrong[i], &target, &error), "%s", wrong[i]);
}

/* It is said how they are written, and nothing that would be wrong again is proposed. */
Test(config_target, parts_in_another_order)
{
    static const struct {
        const char *text, *right; /* NULL: none is proposed */
    } rows[] = {
        {"[2001:db8::/32]:443", "[2001:db8::]/32:443"},
        {"[2001:db8::/32]", "[2001:db8::]/32"},
        {"[2001:db8::/32]:80,8000-8999", "[2001:db8::]/32:80,8000-8999"},
        {"2001:db8::/32:443", "[2001:db8::]/32:443"},
        {"[2001:db8::]:443/32", "[2001:db8::]/32:443"},
        {"192.0.2.0:443/24", "192.0.2.0/24:443"},
        {"[192.0.2.0/24]:443", "192.0.2.0/24:443"},
        {"[192.0.2.0/24]", "192.0.2.0/24"},
        {"[2001:db8::1/32]:443", NULL},
        {"[2001:db8::/129]:443", NULL},
        {"[2001:db8::/32]:0", NULL},
        {"[2001:db8::/32]:443x", NULL},
        {"[2001:db8::/32]x", NULL},
        {"[2001:db8::/]:443", NULL},
        {"[2001:db8::/32", NULL},
        {"192.0.2.0:/24", NULL},
        {"example.com:443/24", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config_target target;
        struct error_text error;
        char part[100];
        cr_assert_not(config_target_parse(rows[i].text, &target, &error), "%s", rows[i].text);
        (void)snprintf(part, sizeof(part), "write \"%s\"", rows[i].right ? rows[i].right : "");
        const char *proposed = strstr(error.text, rows[i].right ? part : "write \"");
        cr_assert_eq(!proposed, !rows[i].right, "%s: %s", rows[i].text, error.text);
    }
}

Test(config_target, a_long_one)
{
    char text[2000];
    struct config_target target;
    struct error_text error;
    for (size_t length = 250; length < sizeof(text); length++) {
        memset(text, 'a', length);
        for (size_t i = 60; i < length; i += 60)
            text[i] = '.';
        text[length] = '\0';
        bool refused = !config_target_parse(text, &target, &error);
        cr_assert_eq(refused, length > 253, "%zu", length);
    }
}

Test(config_target, ports)
{
    struct config_target target = target_of("a:80,8000-8002");
    static const uint16_t has[] = {80, 8000, 8001, 8002}, lacks[] = {1, 79, 81, 7999, 8003, 65535};
    for (size_t i = 0; i < sizeof(has) / sizeof(*has); i++)
        cr_assert(config_target_has_port(&target, has[i]), "%u", has[i]);
    for (size_t i = 0; i < sizeof(lacks) / sizeof(*lacks); i++)
        cr_assert_not(config_target_has_port(&target, lacks[i]), "%u", lacks[i]);
    target = target_of("a");
    cr_assert(config_target_has_port(&target, 1) && config_target_has_port(&target, 65535));
}

Test(config_target, names)
{
    static const struct {
        const char *target, *name;
        bool has;
    } rows[] = {
        {"a.example", "a.example", true},
        {"a.example", "A.EXAMPLE", true},
        {"a.example", "b.a.example", false},
        {"a.example", "xa.example", false},
        {"a.example", "a.exampl", false},
        {"*.a.example", "b.a.example", true},
        {"*.a.example", "c.b.a.example", true},
        {"*.a.example", "B.A.EXAMPLE", true},
        {"*.a.example", "a.example", false},
        {"*.a.example", ".a.example", false},
        {"*.a.example", "eviLa.example", false},
        {"*.a.example", "b.a.example.evil", false},
        {"*", "a.example", true},
        {"192.0.2.0/24", "192.0.2.1", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config_target target = target_of(rows[i].target);
        cr_assert_eq(config_target_has_name(&target, rows[i].name), rows[i].has, "%s %s",
                     rows[i].target, rows[i].name);
    }
}
