/* The small parts of config: durations, suggestions, UTF-8, paths, names. */
#include "config/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

Test(config_parts, durations)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"0s", 0},
                {"0ms", 0},
                {"1ms", 1},
                {"200ms", 200},
                {"5s", 5000},
                {"90s", 90000},
                {"2m", 120000},
                {"1h", 3600000},
                {"8760h", DURATION_MAX},
                {"31536000001ms", INT64_MAX},
                {"31536000000h", INT64_C(31536000000) * 3600000},
                {"99999999999999999999999999999ms", INT64_MAX}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -7;
        cr_assert(duration_parse(rows[i].text, &ms), "%s", rows[i].text);
        cr_assert_eq(ms, rows[i].ms, "%s", rows[i].text);
    }
}

Test(config_parts, no_durations)
{
    static const char *const rows[] = {"",      "s",   "5",     "5S",   "5 s",  " 5s",  "5s ",
                                       "05s",   "00s", "-1s",   "+1s",  "1.5s", "1e3s", "5d",
                                       "1h30m", "5sm", "never", "0x5s", "5us"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -7;
        cr_assert_not(duration_parse(rows[i], &ms), "%s", rows[i]);
        cr_assert_eq(ms, -7, "%s", rows[i]);
    }
}

Test(config_parts, durations_are_printed_short)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0s"},       {1, "1ms"},       {999, "999ms"},         {1000, "1s"},
                {60000, "1m"},   {90000, "90s"},   {3600000, "1h"},        {1001, "1001ms"},
                {7200000, "2h"}, {5400000, "90m"}, {DURATION_MAX, "8760h"}};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_str_eq(duration_print(rows[i].ms).text, rows[i].text);
}

Test(config_parts, suggestions)
{
    static const char *const names[] = {
        "role", "listen", "tls", "key", "initial_data_timeout", "max_connections", NULL};
    static const struct {
        const char *text, *suggestion;
    } rows[] = {{"rol", "role"},
                {"Role", "role"},
                {"roel", "role"},
                {"roles", "role"},
                {"lisetn", "listen"},
                {"lsiten", "listen"},
                {"TLS", "tls"},
                {"ssl", NULL},
                {"kee", "key"},
                {"max-connections", "max_connections"},
                {"maxConnections", "max_connections"},
                {"maxconns", NULL},
                {"initial_timeout", NULL},
                {"inital_data_timout", "initial_data_timeout"},
                {"", NULL},
                {"x", NULL},
                {"a_name_that_is_longer_than_any_name_we_would_compare", NULL}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *found = suggest_key(rows[i].text, names);
        if (rows[i].suggestion)
            cr_assert_str_eq(found ? found : "(none)", rows[i].suggestion, "%s", rows[i].text);
        else
            cr_assert_null(found, "%s: %s", rows[i].text, found);
    }
}

Test(config_parts, names_are_joined)
{
    static const char *const names[] = {"a", "b", "c", NULL};
    char text[32];
    suggest_join(names, " or ", text, sizeof(text));
    cr_assert_str_eq(text, "\"a\", \"b\" or \"c\"");
    suggest_join(names + 2, " or ", text, sizeof(text));
    cr_assert_str_eq(text, "\"c\"");
    suggest_join(names, " or ", text, 8); /* cut, never written beyond */
    cr_assert_str_eq(text, "\"a\", \"b");
}

Test(config_parts, utf8)
{
    static const struct {
        const char *bytes;
        size_t left, length;
    } rows[] = {{"a", 1, 1},
                {"\xc2\x80", 2, 2},
                {"\xdf\xbf", 2, 2},
                {"\xe0\xa0\x80", 3, 3},
                {"\xed\x9f\xbf", 3, 3},
                {"\xee\x80\x80", 3, 3},
                {"\xf0\x90\x80\x80", 4, 4},
                {"\xf4\x8f\xbf\xbf", 4, 4},
                {"", 0, 0},
                {"\x80", 1, 0},
                {"\xc2", 1, 0},
                {"\xc2"
                 "a",
                 2, 0},
                {"\xc1\xbf", 2, 0},
                {"\xe0\x9f\xbf", 3, 0},
                {"\xed\xa0\x80", 3, 0},
                {"\xe2\x82", 2, 0},
                {"\xf0\x8f\xbf\xbf", 4, 0},
                {"\xf4\x90\x80\x80", 4, 0},
                {"\xf5\x80\x80\x80", 4, 0},
                {"\xff", 1, 0},
                {"\xe2\x82"
                 "a",
                 3, 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_eq(text_utf8_length((const unsigned char *)rows[i].bytes, rows[i].left),
                     rows[i].length, "row %zu", i);
}

Test(config_parts, control_characters)
{
    cr_assert_not(text_has_control(""));
    cr_assert_not(text_has_control("a \xc3\xa4\xe2\x82\xac~"));
    cr_assert_not(text_has_control("\xc2\xa0"));
    cr_assert(text_has_control("a\n"));
    cr_assert(text_has_control("\x1b[0m"));
    cr_assert(text_has_control("\x7f"));
    cr_assert(text_has_control("a\xc2\x9b"));
}

Test(config_parts, paths_beside_a_file)
{
    static const struct {
        const char *file, *path, *result;
    } rows[] = {{"c.json", "a.pem", "a.pem"},
                {"d/c.json", "a.pem", "d/a.pem"},
                {"/etc/actpass/c.json", "../a.pem", "/etc/actpass/../a.pem"},
                {"/c.json", "a.pem", "/a.pem"},
                {"d/c.json", "/a.pem", "/a.pem"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *result = text_path_beside(rows[i].file, rows[i].path);
        cr_assert_str_eq(result, rows[i].result);
        free(result);
    }
}

typedef const char *(*checker)(const char *);

static const char *wrong_peer_name(const char *text)
{
    struct config_peer_name name;
    const char *wrong = config_peer_name_parse(text, &name);
    free(name.text);
    return wrong;
}

static void check_all(checker wrong, const char *const *texts, bool good)
{
    for (; *texts; texts++)
        cr_assert_eq(!wrong(*texts), good, "%s: %s", *texts, wrong(*texts));
}

Test(config_parts, peer_names)
{
    static const char *const good[] = {"a",
                                       "localhost",
                                       "a.example",
                                       "A-1.b_c.example",
                                       "*.example",
                                       "*.a.example",
                                       "1.example",
                                       "xn--4ca.example",
                                       "192.0.2.1",
                                       "::1",
                                       "2001:db8::1",
                                       "uri:spiffe://a/b",
                                       "uri:urn:uuid:1",
                                       NULL};
    static const char *const bad[] = {
        "",      ".",     "a.",     ".a",      "a..b", "*",         "*.",    "*a.b",     "a.*",
        "*.*.a", "a b",   "a/b",    "-a",      "a-",   "1.2.3.4.5", "1.2.3", "[::1]",    "::1::",
        "uri:",  "uri:a", "uri::a", "uri:1:a", "dn:a", "a:443",     "*.1",   "\xc3\xa4", NULL};
    check_all(wrong_peer_name, good, true);
    check_all(wrong_peer_name, bad, false);
}

Test(config_parts, longest_dns_names)
{
    char name[256];
    memset(name, 'a', sizeof(name));
    for (size_t i = 63; i < sizeof(name); i += 64)
        name[i] = '.';
    name[253] = '\0';
    cr_assert(names_is_dns(name));
    name[253] = 'a';
    name[254] = '\0';
    cr_assert_not(names_is_dns(name));
    name[253] = '\0';
    name[63] = 'a'; /* a label of more than 63 */
    cr_assert_not(names_is_dns(name));
}

Test(config_parts, service_names)
{
    static const char *const good[] = {
        "a", "A.b_c-9", "1234567890123456789012345678901234567890123456789012345678901234", NULL};
    static const char *const bad[] = {
        "",    "a b",      "a/b",
        "a\"", "\xc3\xa4", "12345678901234567890123456789012345678901234567890123456789012345",
        NULL};
    check_all(names_wrong_service, good, true);
    check_all(names_wrong_service, bad, false);
}
