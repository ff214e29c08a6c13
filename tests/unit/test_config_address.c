/* Addresses. */
#include "config/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

Test(config_address, tcp)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {{"127.0.0.1:8080", "127.0.0.1", 8080},
                {"0.0.0.0:0", "0.0.0.0", 0},
                {"[::1]:443", "::1", 443},
                {"[::]:65535", "::", 65535},
                {"[fe80::1%eth0]:1", "fe80::1%eth0", 1},
                {"localhost:80", "localhost", 80},
                {"a-b.example:1", "a-b.example", 1},
                {"[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_address address;
        const char *wrong = config_address_parse(rows[i].text, &address);
        cr_assert_null(wrong, "%s: %s", rows[i].text, wrong);
        cr_assert_eq(address.kind, CONFIG_ADDRESS_TCP);
        cr_assert_str_eq(address.text, rows[i].text);
        cr_assert_str_eq(address.host, rows[i].host);
        cr_assert_eq(address.port, rows[i].port, "%s", rows[i].text);
        cr_assert_null(address.path);
        config_address_free(&address);
        cr_assert_null(address.text);
    }
}

Test(config_address, unix_path)
{
    struct config_address address;
    char longest[5 + UNIX_PATH_MAX + 2] = "unix:";
    cr_assert_null(config_address_parse("unix:/run/a b:1", &address));
    cr_assert_eq(address.kind, CONFIG_ADDRESS_UNIX);
    cr_assert_str_eq(address.path, "/run/a b:1");
    cr_assert_str_eq(address.text, "unix:/run/a b:1");
    cr_assert_null(address.host);
    config_address_free(&address);
    memset(longest + 5, 'p', UNIX_PATH_MAX);
    cr_assert_null(config_address_parse(longest, &address));
    config_address_free(&address);
    longest[5 + UNIX_PATH_MAX] = 'p';
    cr_assert_not_null(config_address_parse(longest, &address));
}

Test(config_address, none)
{
    static const char *const rows[] = {
        "",           ":",         ":1",       "a",         "a:",      "a:b",
        "a:-1",       "a:+1",      "a: 1",     "a:1 ",      "a:65536", "a:99999999999",
        "a:01",       "a:1:2",     "::1",      "::1:1",     "[::1]",   "[::1]1",
        "[::1]:",     "[::1:1",    "::1]:1",   "[a]:1",     "[]:1",    "[1.2.3.4]:1",
        "[::1]]:1",   "[[::1]]:1", "[::1%]:1", "*:1",       "1.2.3:1", "256.0.0.1:1",
        "a..b:1",     "a b:1",     "-a:1",     "unix:",     "a\n:1",   "unix:a\x1b",
        "http://a:1", "unix",      "a/b:1",    "\xc3\xa4:1"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config_address address;
        cr_assert_not_null(config_address_parse(rows[i], &address), "%s", rows[i]);
        cr_assert_eq(address.kind, CONFIG_ADDRESS_NONE);
        cr_assert(!address.text && !address.host && !address.path, "%s is empty", rows[i]);
    }
}

static char *canonical(const char *text)
{
    struct config_address address;
    cr_assert_null(config_address_parse(text, &address), "%s", text);
    char *result = address_canonical(&address);
    cr_assert_not_null(result);
    config_address_free(&address);
    return result;
}

Test(config_address, sameness)
{
    static const struct {
        const char *left, *right;
        bool same;
    } rows[] = {{"127.0.0.1:1", "127.0.0.1:1", true},
                {"127.0.0.1:1", "127.0.0.1:2", false},
                {"127.0.0.1:1", "127.0.0.2:1", false},
                {"[::1]:1", "[0:0:0::1]:1", true},
                {"[2001:DB8::1]:1", "[2001:db8:0::1]:1", true},
                {"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", false},
                {"A.example:1", "a.EXAMPLE:1", true},
                {"unix:/a", "unix:/a", true},
                {"unix:/a", "unix:/A", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *left = canonical(rows[i].left);
        char *right = canonical(rows[i].right);
        cr_assert_eq(strcmp(left, right) == 0, rows[i].same, "%s %s", rows[i].left, rows[i].right);
        free(left);
        free(right);
    }
}
