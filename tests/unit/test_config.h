/* Shared by the tests of config: a folder with the files that configurations name. Bad
 * configurations and their messages are in tests/golden/config.txt. */
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

#define PEM_BEGIN(kind) "-----BEGIN " kind "-----\n"

/* Each test is a process of its own, so it may change its working folder. */
static inline void folder_enter(void)
{
    char path[] = "/tmp/test_config_XXXXXX";
    cr_assert_not_null(mkdtemp(path));
    cr_assert_eq(chdir(path), 0);
    cr_assert_eq(mkdir("folder", 0700), 0);
    make_file("peer.pem", 0600, PEM_BEGIN("CERTIFICATE") PEM_BEGIN("PRIVATE KEY"));
    make_file("ca.pem", 0644, PEM_BEGIN("CERTIFICATE"));
    make_file("open.pem", 0644, PEM_BEGIN("CERTIFICATE") PEM_BEGIN("PRIVATE KEY"));
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

#endif
