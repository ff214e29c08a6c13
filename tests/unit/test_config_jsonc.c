/* JSONC: comments, and commas before the end, in files whose name ends so. Messages about what is
 * wrong in one are in tests/golden/program.txt. */
#include "tests/unit/test_config.h"

#define COMMENTED                                                                                  \
    "// first \xc3\xa4 \"{\n/* second\n * * / // */{ /**/ \"services\" /* a */ : // b\r\n"         \
    "[ /*c*/ { \"name\" : \"a\" /*d*/ , \"listen\": \"[::1]:1\", \"echo\": true, //\n"             \
    "\"role\": \"server\", \"tls\": { \"certificate\": \"peer.pem\", \"alpn\": [\"/*\" ,\"//a\", " \
    "]\n"                                                                                          \
    "/*e*/ , /*f*/ } , /*g*/ } /*h*/, /*i*/] , /*j*/ \"log\": { /*k*/ }, } /*l*/ // end"

static struct config *parse(const char *file, const char *text, size_t length,
                            struct config_report *report)
{
    char *exact = malloc(length > 0 ? length : 1); /* for the sanitizer */
    cr_assert_not_null(exact);
    memcpy(exact, text, length);
    struct config *config = config_parse(file, exact, length, report);
    cr_assert_eq(!!config, report->errors.count == 0);
    free(exact);
    return config;
}

/* The first error, to be freed. */
static char *error_of(const char *file, const char *text, size_t length)
{
    struct config_report report;
    cr_assert_null(parse(file, text, length, &report), "%.*s", (int)length, text);
    char *error = strdup(report.errors.items[0]);
    config_report_free(&report);
    return error;
}

Test(config_jsonc, comments_and_commas_anywhere, .init = folder_enter, .fini = folder_leave)
{
    struct config_report report;
    struct config *config = parse("c.jsonc", COMMENTED, strlen(COMMENTED), &report);
    cr_assert_not_null(config, "%s", report.errors.items[0]);
    const struct config_service *service = &config->services[0];
    cr_assert_str_eq(service->name, "a");
    cr_assert_eq(service->connection.tls.alpn.count, 2);
    cr_assert_str_eq(service->connection.tls.alpn.items[0], "/*", "a string is no comment");
    cr_assert_str_eq(service->connection.tls.alpn.items[1], "//a");
    config_free(config);
    config_report_free(&report);
}

static void check_error(const char *file, const char *text, const char *expected)
{
    char *error = error_of(file, text, strlen(text));
    cr_assert_str_eq(error, expected, "%s\n%s", error, text);
    free(error);
}

Test(config_jsonc, positions_count_through_comments, .init = folder_enter, .fini = folder_leave)
{
    check_error("c.jsonc", "/* \xc3\xa4\xc3\xa4 */ []",
                "c.jsonc:1:10: /: must be an object, not a list");
    check_error("c.jsonc", "//\n/*\n*/ []", "c.jsonc:3:4: /: must be an object, not a list");
}

Test(config_jsonc, only_by_the_name_of_the_file, .init = folder_enter, .fini = folder_leave)
{
    static const char *const names[] = {"c.json", "c.jsonc.json", "jsonc", ".jsonc", "c.JSONC"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *error = error_of(names[i], COMMENTED, strlen(COMMENTED));
        cr_assert_not_null(strstr(error, ":1:1: JSON has no comments"), "%s", error);
        free(error);
    }
}

Test(config_jsonc, a_comma_stands_behind_a_value)
{
    check_error("c.jsonc", "{,}", "c.jsonc:1:2: expected a key in double quotes, found ','");
    check_error("c.jsonc", "[,]", "c.jsonc:1:2: expected a value, found ','");
    check_error("c.jsonc", "{\"a\": [1,,]}", "c.jsonc:1:10: expected a value, found ','");
    check_error("c.jsonc", "{},", "c.jsonc:1:3: expected the end of the file, found ','");
}

/* The last 15 bytes are space to what is before them. */
Test(config_jsonc, cut_anywhere_it_is_bad, .init = folder_enter, .fini = folder_leave)
{
    for (size_t length = 0; length < strlen(COMMENTED) - 15; length++)
        free(error_of("c.jsonc", COMMENTED, length));
}

Test(config_jsonc, any_byte_changed, .init = folder_enter, .fini = folder_leave)
{
    static const unsigned char bytes[] = {0, '\n', '"', '*', '/', ',', '}', ']', 'x', 0x80, 0xe2};
    char text[] = COMMENTED;
    for (size_t at = 0; at < strlen(COMMENTED); at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            struct config_report report;
            text[at] = (char)bytes[i];
            config_free(parse("c.jsonc", text, strlen(COMMENTED), &report));
            config_report_free(&report);
        }
        text[at] = COMMENTED[at];
    }
}
