/* "${env:NAME}" and "${file:PATH}". Messages are in tests/golden/program.txt. */
#include "config/error_text.h"
#include "tests/unit/test_config.h"

#define TEXT(name)                                                                             \
    "{'services': [{'name': '" name "', 'listen': '[::1]:1', 'role': 'server', 'echo': true, " \
    "'tls': {'certificate': 'peer.pem'}}]}"

static void check_name(const char *text, const char *expected)
{
    struct config *config = parse_good(text);
    cr_assert_str_eq(config->services[0].name, expected);
    config_free(config);
}

Test(config_variables, environment_and_files, .init = folder_enter, .fini = folder_leave)
{
    cr_assert_eq(setenv("A_1", "one", 1), 0);
    make_file("c.json", 0600, "two\r\n");
    check_name(TEXT("${env:A_1}"), "one");
    check_name(TEXT("x${env:A_1}.${file:c.json}y${env:A_1}"), "xone.twoy"
                                                              "one");
    make_file("c.json", 0600, "two");
    check_name(TEXT("${file:./c.json}"), "two");
    cr_assert_eq(setenv("A_1", "${env:A_1}", 1), 0);
    struct config_report report;
    char text[] = TEXT("${env:A_1}");
    quote(text, strlen(text));
    cr_assert_null(config_parse("c.json", text, strlen(text), &report), "no second expansion");
    cr_assert_not_null(strstr(report.errors.items[0], "must be 1 to 64 characters"));
    config_report_free(&report);
}

static void check_error(const char *text, const char *expected)
{
    struct config_report report;
    char *copy = strdup(text);
    cr_assert_not_null(copy);
    quote(copy, strlen(copy));
    cr_assert_null(config_parse("c.json", copy, strlen(copy), &report));
    cr_assert_eq(report.errors.count, 1);
    cr_assert_not_null(strstr(report.errors.items[0], expected), "%s", report.errors.items[0]);
    config_report_free(&report);
    free(copy);
}

Test(config_variables, its_size_is_bounded, .init = folder_enter, .fini = folder_leave)
{
    char *text = malloc(70001);
    cr_assert_not_null(text);
    memset(text, 'a', 70000);
    text[70000] = '\0';
    make_file("c.json", 0600, text);
    check_error(TEXT("${file:c.json}"), "is longer than 65536 bytes with its variables");
    text[40000] = '\0';
    make_file("c.json", 0600, text);
    check_error(TEXT("${file:c.json}${file:c.json}"), "is longer than 65536 bytes");
    free(text);
}

Test(config_variables, what_is_no_file, .init = folder_enter, .fini = folder_leave)
{
    cr_assert_eq(mkfifo("c.json", 0600), 0);
    check_error(TEXT("${file:c.json}"), "the file c.json cannot be read: Invalid argument");
    check_error(TEXT("${file:/dev/zero}"), "the file /dev/zero cannot be read");
}

/* What stands for a value in a message that error_set has cut. */
static void check_hidden(const char *before, const char *certificate, const char *behind,
                         const char *expected)
{
    struct config_report report;
    struct error_text error;
    cr_assert_eq(setenv("SECRET", certificate, 1), 0);
    char text[] =
        "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': true, "
        "'tls': {'certificate': '${env:SECRET}', 'insecure_any_peer': true}}]}";
    quote(text, strlen(text));
    make_file("c.json", 0600, text);
    struct config *config = config_load_all("c.json", &report);
    cr_assert_not_null(config);
    cr_assert_eq(report.errors.count, 0, "%s", report.errors.items[0]);
    config_report_free(&report);
    error_set(&error, "%s%s%s", before, certificate, behind);
    config_report_add_at(&report, CONFIG_WARNING, config, 0, "tls/certificate", "%s", error.text);
    cr_assert_eq(report.message_count, 1);
    cr_expect_str_eq(report.messages[0].text, expected);
    config_report_free(&report);
    config_free(config);
}

Test(config_variables, are_hidden_in_texts_that_are_cut, .init = folder_enter, .fini = folder_leave)
{
    char path[600] = "";
    for (size_t i = 0; i + sizeof("./peer.pem") < sizeof(path); i += 2)
        memcpy(path + i, "./", 2);
    strcat(path, "peer.pem");
    check_hidden("", path, " cannot be used", "${env:SECRET}");
    check_hidden("it is ", path, "", "it is ${env:SECRET}");
    check_hidden("", "peer.pem", " has a p", "${env:SECRET} has a p");
}
