/* Shared by the tests of config: a folder with the files that configurations name, and tables of
 * bad texts with the exact messages of each. */
#ifndef ACTPASS_TEST_CONFIG_H
#define ACTPASS_TEST_CONFIG_H

#include "config/config.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void make_file(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(fchmod(fd, mode), 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(close(fd), 0);
}

/* Each test is a process of its own, so it may change its working folder. */
static inline void folder_enter(void)
{
    char path[] = "/tmp/test_config_XXXXXX";
    cr_assert_not_null(mkdtemp(path));
    cr_assert_eq(chdir(path), 0);
    cr_assert_eq(mkdir("folder", 0700), 0);
    make_file("peer.pem", 0600, "");
    make_file("ca.pem", 0644, "");
    make_file("open.pem", 0644, "");
}

static inline void folder_leave(void)
{
    static const char *const files[] = {"peer.pem", "ca.pem", "open.pem", "c.json"};
    char path[64];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        (void)unlink(files[i]);
    if (rmdir("folder") == 0 && getcwd(path, sizeof(path)))
        (void)rmdir(path);
}

static inline void quote(char *text, size_t length) /* ' to " */
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\'')
            text[i] = '"';
}

/* All lines as one text, to be freed. */
static inline char *join(const struct config_strings *strings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_not_null(stream);
    for (size_t i = 0; i < strings->count; i++)
        fprintf(stream, "%s\n", strings->items[i]);
    cr_assert_eq(fclose(stream), 0);
    return text;
}

/* Parses a text with ' for ", which must be good. */
static inline struct config *parse_good(const char *text)
{
    struct config_report report;
    char *copy = strdup(text);
    cr_assert_not_null(copy);
    quote(copy, strlen(copy));
    struct config *config = config_parse("c.json", copy, strlen(copy), &report);
    char *errors = join(&report.errors);
    cr_assert_str_eq(errors, "", "%s\n%s", errors, text);
    cr_assert_not_null(config);
    free(errors);
    free(copy);
    config_report_free(&report);
    return config;
}

struct bad_text {
    const char *name;
    bool raw; /* else ' stands for " */
    const char *text;
    size_t length;
    const char *errors; /* all lines */
};

#define RAW(text) true, text, sizeof(text) - 1
#define QUOTED(text) false, text, sizeof(text) - 1

/* What is on the last line of an otherwise good text: among the top keys, a service's, those of
 * its "tls", those of a service with neither name nor address, one with neither role nor
 * conversation. */
#define BEGIN "{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server', 'echo': true,\n"
#define TOP(keys) QUOTED(BEGIN "'tls': {'certificate': 'peer.pem'}}],\n" keys "}")
#define SERVICE(keys) QUOTED(BEGIN "'tls': {'certificate': 'peer.pem'},\n" keys "}]}")
#define TLS(keys) QUOTED(BEGIN "'tls': {'certificate': 'peer.pem',\n" keys "}}]}")
#define BARE(keys)                                                                   \
    QUOTED("{'services': [{'role': 'server', 'echo': true,\n'tls': {'certificate': " \
           "'peer.pem'},\n" keys "}]}")
#define AUTO(keys)                                                                     \
    QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1',\n'tls': {'certificate': " \
           "'peer.pem', 'insecure_any_peer': true}" keys "}]}")

/* What is on the last line of a service that may have any role, and of one that dials. */
#define HEARD(keys)                                                                   \
    QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'echo': true,\n'tls': {" \
           "'certificate': 'peer.pem', 'insecure_any_peer': true},\n" keys "}]}")
#define DIAL(keys) \
    QUOTED("{'services': [{'name': 'a', 'tls': {'insecure_any_peer': true},\n" keys "}]}")
/* In the "tls" of a server that asks its clients, and in its "http". */
#define ASKED(keys)                                                                    \
    QUOTED(BEGIN "'tls': {'certificate': 'peer.pem', 'client_auth': 'require', 'ca': " \
                 "'ca.pem',\n" keys "}}]}")
#define HTTP(keys)                                                                        \
    QUOTED("{'services': [{'name': 'a', 'listen': '[::1]:1', 'role': 'server',\n'tls': {" \
           "'certificate': 'peer.pem', 'client_auth': 'on_demand', 'ca': 'ca.pem'},\n"    \
           "'http': {" keys "}}]}")

static inline void check_bad_text(const struct bad_text *row)
{
    struct config_report report;
    char *text = malloc(row->length ? row->length : 1); /* exact, for the sanitizer */
    cr_assert_not_null(text);
    memcpy(text, row->text, row->length);
    if (!row->raw)
        quote(text, row->length);
    struct config *config = config_parse("c.json", text, row->length, &report);
    char *errors = join(&report.errors);
    cr_assert_null(config, "%s: was accepted", row->name);
    cr_assert_str_eq(errors, row->errors, "%s:\n%s", row->name, errors);
    free(errors);
    free(text);
    config_report_free(&report);
}

/* Tests of a table of bad texts, each row a test: a parameter must be data without pointers, so it
 * is the row's number. */
#define TEST_BAD_TEXTS(suite, name, table)                                                  \
    ParameterizedTestParameters(suite, name)                                                \
    {                                                                                       \
        static size_t rows[sizeof(table) / sizeof(*(table))];                               \
        for (size_t i = 0; i < sizeof(table) / sizeof(*(table)); i++)                       \
            rows[i] = i;                                                                    \
        return cr_make_param_array(size_t, rows, sizeof(table) / sizeof(*(table)));         \
    }                                                                                       \
    ParameterizedTest(size_t *row, suite, name, .init = folder_enter, .fini = folder_leave) \
    {                                                                                       \
        check_bad_text(&(table)[*row]);                                                     \
    }

#endif
