/* config_load and its files; texts that were cut or changed. */
#include "tests/support/share.h"
#include "tests/unit/test_config.h"

#include <errno.h>

#define SMALL                                                                                    \
    "{\"$schema\": \"\xc3\xa4\\u00e4\\ud83d\\ude00\", \"shutdown_timeout\": \"1h\",\n"           \
    " \"services\": [{\"name\": \"a\", \"listen\": \"[::1]:1\", \"max_connections\": 12,\n"      \
    " \"tls\": {\"certificate\": \"peer.pem\", \"ca\": \"ca.pem\", \"peer_names\": [\"*.a\"],\n" \
    " \"client_auth\": \"none\"},\n"                                                             \
    " \"as_server\": {\"forward\": \"unix:x\"}, \"as_client\": {\"echo\": {}}}]}"

/* What SMALL does not have. */
#define MORE                                                                                     \
    "{\"services\": [{\"name\": \"a\", \"dial\": [\"a:1\", \"unix:b\"], \"persistent\": true,\n" \
    " \"retry\": {\"min\": \"2s\"}, \"tls\": {\"ca\": \"ca.pem\", \"crl\": \"ca.pem\",\n"        \
    " \"peer_names\": [\"cn:x\", \"email:a@b\"]}, \"http\": {\"root\": \"folder\", \"index\": "  \
    "\"\",\n"                                                                                    \
    " \"protected\": [\"/a/\", {\"prefix\": \"/b/\", \"peer_names\": [\"ip:::1\"]}]}},\n"        \
    " {\"name\": \"b\", \"listen\": \"[::1]:1\", \"echo\": true, \"remember_roles\": true,\n"    \
    " \"role_hints\": [{\"from\": \"10.0.0.0/8\", \"role\": \"client\"},\n"                      \
    " {\"from\": \"2001:db8::/32\", \"role\": \"server\"}],\n"                                   \
    " \"tls\": {\"certificate\": \"peer.pem\", \"sessions\": \"redis://[::1]:1/2\",\n"           \
    " \"session_key_file\": \"peer.pem\", \"insecure_any_peer\": true,\n"                        \
    " \"certificates\": [{\"server_names\": [\"a\", \"*.b\"], \"certificate\": \"peer.pem\"}]}}]}"

/* The errors of a file that must not load, to be freed. */
static char *load_errors(const char *file)
{
    struct config_report report;
    cr_assert_null(config_load(file, &report), "%s", file);
    char *errors = join(&report.errors);
    config_report_free(&report);
    return errors;
}

static void check_load_error(const char *file, const char *expected)
{
    char *errors = load_errors(file);
    cr_assert_str_eq(errors, expected, "%s", errors);
    free(errors);
}

Test(config_load, a_file_that_is_not_there, .init = folder_enter, .fini = folder_leave)
{
    check_load_error("none.json", "none.json: cannot be read: No such file or directory\n");
    check_load_error("peer.pem/x", "peer.pem/x: cannot be read: Not a directory\n");
    check_load_error("", ": cannot be read: No such file or directory\n");
}

Test(config_load, a_folder, .init = folder_enter, .fini = folder_leave)
{
    check_load_error("folder", "folder: cannot be read: Is a directory\n");
}

Test(config_load, a_file_without_permission, .init = folder_enter, .fini = folder_leave)
{
    make_file("c.json", 0000, "{}");
    if (geteuid() == 0) /* root reads everything: see that the text is refused at least */
        check_load_error("c.json", "c.json:1:1: /: \"services\" is missing\n");
    else
        check_load_error("c.json", "c.json: cannot be read: Permission denied\n");
}

Test(config_load, an_empty_file, .init = folder_enter, .fini = folder_leave)
{
    make_file("c.json", 0600, "");
    check_load_error("c.json", "c.json:1:1: the file is empty; it must hold a JSON object\n");
}

/* A text of that many bytes, good but for its "services" being missing, in c.json. */
static void make_long_file(size_t length)
{
    char *text = malloc(length + 1);
    cr_assert_not_null(text);
    memset(text, ' ', length);
    text[0] = '{';
    text[length - 1] = '}';
    text[length] = '\0';
    make_file("c.json", 0600, text);
    free(text);
}

Test(config_load, the_longest_file, .init = folder_enter, .fini = folder_leave)
{
    make_long_file(1048576);
    check_load_error("c.json", "c.json:1:1: /: \"services\" is missing\n");
    make_long_file(1048577);
    check_load_error("c.json", "c.json: the configuration is larger than 1 MiB\n");
}

Test(config_load, paths_count_from_the_files_folder, .init = folder_enter, .fini = folder_leave)
{
    struct config_report report;
    make_file("c.json", 0600, SMALL);
    cr_assert_eq(chdir("folder"), 0);
    struct config *config = config_load("../c.json", &report);
    cr_assert_not_null(config);
    const struct config_service *service = &config->services[0];
    cr_assert_str_eq(service->connection.tls.certificate, "../peer.pem");
    cr_assert_str_eq(service->connection.tls.key, "../peer.pem");
    cr_assert_str_eq(service->connection.tls.ca, "../ca.pem");
    cr_assert_str_eq(service->as_server.forward.items[0].path, "../x");
    cr_assert_str_eq(service->as_server.forward.items[0].text, "unix:x", "the text is the user's");
    cr_assert_eq(chdir(".."), 0);
    config_free(config);
    config_report_free(&report);
}

Test(config_load, a_socket_path_that_the_folder_makes_too_long, .init = folder_enter,
     .fini = folder_leave)
{
    struct config_report report;
    char file[200];
    memset(file, 'd', sizeof(file));
    memcpy(file + 110, "/c.json", sizeof("/c.json"));
    static const char text[] = "{\"services\": [{\"name\": \"a\", \"listen\": \"unix:s\"}]}";
    cr_assert_null(config_parse(file, text, strlen(text), &report));
    cr_assert_str_eq(strstr(report.errors.items[2], "/services"),
                     "/services/0/listen: the path of a unix: address must be at most 107 bytes, "
                     "the configuration's folder included");
    config_report_free(&report);
}

/* Parses bytes that stand in a buffer of exactly their length. Anything may come out, but a
 * configuration comes exactly when there is no error. */
static void parse_any(const char *text, size_t length)
{
    struct config_report report;
    char *copy = malloc(length ? length : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, length);
    struct config *config = config_parse("c.json", copy, length, &report);
    cr_assert_eq(!!config, report.errors.count == 0);
    for (size_t i = 0; i < report.errors.count; i++)
        cr_assert_eq(strncmp(report.errors.items[i], "c.json:", 7), 0);
    config_free(config);
    config_report_free(&report);
    free(copy);
}

static const char *const good_texts[] = {SMALL, MORE};

Test(config_load, the_good_texts_are_good, .init = folder_enter, .fini = folder_leave)
{
    for (size_t i = 0; i < 2; i++) {
        struct config_report report;
        struct config *config =
            config_parse("c.json", good_texts[i], strlen(good_texts[i]), &report);
        cr_assert_eq(report.errors.count + report.warnings.count, 0, "%zu", i);
        cr_assert_not_null(config, "%zu", i);
        config_free(config);
        config_report_free(&report);
    }
}

static void check_cut(const char *good)
{
    struct config_report report;
    for (size_t length = 0; length < strlen(good); length++) {
        parse_any(good, length);
        cr_assert_null(config_parse("c.json", good, length, &report), "%zu", length);
        cr_assert_eq(report.errors.count, 1, "%zu: a syntax error comes alone", length);
        config_report_free(&report);
    }
}

Test(config_load, cut_anywhere_they_are_bad, .init = folder_enter, .fini = folder_leave)
{
    check_cut(SMALL);
    check_cut(MORE);
}

Test(config_load, any_byte_changed, .init = folder_enter, .fini = folder_leave, .timeout = 120)
{
    static const unsigned char bytes[] = {0,   1,   '\n', ' ',  '"',  '\\', '{',  '}',  '[',
                                          ']', ',', ':',  '0',  '9',  '-',  '.',  'e',  't',
                                          'u', '/', 0x7f, 0x80, 0xc2, 0xe2, 0xed, 0xf4, 0xff};
    char text[] = SMALL;
    for (size_t at = 0; at < strlen(SMALL); at += TEST_SHARE) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            text[at] = (char)bytes[i];
            parse_any(text, strlen(SMALL));
        }
        text[at] = SMALL[at];
    }
}

static void check_removed_or_doubled(const char *good)
{
    size_t length = strlen(good);
    char *text = malloc(length + 1);
    cr_assert_not_null(text);
    for (size_t at = 0; at < length; at++) {
        memcpy(text, good, at);
        memcpy(text + at, good + at + 1, length - at - 1);
        parse_any(text, length - 1);
        memcpy(text, good, at + 1);
        memcpy(text + at + 1, good + at, length - at);
        parse_any(text, length + 1);
    }
    free(text);
}

Test(config_load, any_byte_removed_or_doubled, .init = folder_enter, .fini = folder_leave)
{
    check_removed_or_doubled(SMALL);
    check_removed_or_doubled(MORE);
}

/* Hostile files must not take long: equal keys, unknown keys, lists, each as many as fit. */
Test(config_load, very_many_of_everything, .init = folder_enter, .fini = folder_leave,
     .timeout = 120)
{
    static const char *const pieces[] = {"\"a\":1,", "\"levek\":1,", "\"services\":[[],[],{}],"};
    size_t max = 200000;
    char *text = malloc(max + 64);
    cr_assert_not_null(text);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        size_t length = 1;
        text[0] = '{';
        for (; length < max; length += strlen(pieces[i]))
            memcpy(text + length, pieces[i], strlen(pieces[i]));
        text[length - 1] = '}';
        parse_any(text, length);
    }
    free(text);
}

Test(config_load, free_takes_null)
{
    struct config_report report = {0};
    config_free(NULL);
    config_report_free(&report);
}
