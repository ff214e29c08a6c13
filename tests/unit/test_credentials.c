/* A user and a password from a file. test_secret.c has what holds for any secret's file. */
#include "server/lib/base/credentials.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(credentials, .timeout = 20);

#define L100                                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"
#define L255 L100 L100 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* One file that nobody else may read, of this process. */
static const char *file_with(const char *text)
{
    static char name[64];
    (void)snprintf(name, sizeof(name), "/tmp/test_credentials_%d", (int)getpid());
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(close(fd), 0);
    return name;
}

static const struct row {
    const char *text, *user, *password;
} rows[] = {{"me:secret", "me", "secret"},
            {"me:secret\n", "me", "secret"},
            {"me:a:b:", "me", "a:b:"},
            {"m\303\244: \303\266 ", "m\303\244", " \303\266 "},
            {L255 ":" L255, L255, L255}};

Test(credentials, are_read)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct credentials credentials;
        struct error_text error = {.text = ""};
        size_t size = 0;
        cr_assert(credentials_read(&credentials, file_with(rows[i].text), &error), "%s",
                  error.text);
        const char *password = credentials_password(&credentials, &size);
        cr_assert_eq(credentials.user_size, strlen(rows[i].user));
        cr_assert_arr_eq(credentials.both.text, rows[i].user, strlen(rows[i].user));
        cr_assert_eq(size, strlen(rows[i].password));
        cr_assert_arr_eq(password, rows[i].password, size);
        credentials_wipe(&credentials);
        cr_assert_eq(credentials.both.size, 0);
        cr_assert_eq(credentials.both.text[0], '\0');
    }
    (void)unlink(file_with(""));
}

Test(credentials, wrong_ones_are_named_without_the_secret)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {{"", "is empty"},
                 {"hush", "has no colon: user:password is expected"},
                 {":hush", "user and password have 1 to 255 bytes each"},
                 {"hush:", "user and password have 1 to 255 bytes each"},
                 {L255 "a:hush", "user and password have 1 to 255 bytes each"},
                 {"hush:" L255 "a", "user and password have 1 to 255 bytes each"},
                 {"hush:a\nhush:b\n", "must be one line"},
                 {"hush:a\r\n", "must be one line"},
                 {"hush:a\177", "must be one line"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct credentials credentials;
        struct error_text error = {.text = ""};
        cr_assert_not(credentials_read(&credentials, file_with(wrong[i].text), &error));
        cr_assert_not_null(strstr(error.text, wrong[i].says), "%s", error.text);
        cr_assert_null(strstr(error.text, "hush"), "%s", error.text);
        cr_assert_eq(credentials.both.size, 0);
    }
    (void)unlink(file_with(""));
}
