/* Passwords in files: what is read, and what is refused without a word of the secret. */
#include "server/lib/base/secret.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

TestSuite(secret, .timeout = 20);

/* A folder that the test works in. */
static char folder[] = "/tmp/test_secret_XXXXXX";

static void enter(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void leave(void)
{
    static const char *const names[] = {"file", "other", "link", "pipe"};
    for (size_t i = 0; i < COUNT(names); i++)
        (void)unlink(names[i]);
    cr_assert_eq(rmdir(folder), 0, "%s", strerror(errno));
}

static void write_file(const char *name, const char *bytes, size_t size, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    cr_assert_eq(fchmod(fd, mode), 0);
    cr_assert_eq(close(fd), 0);
}

static bool is_empty(const struct secret *secret)
{
    const char *bytes = (const char *)secret;
    for (size_t i = 0; i < sizeof(*secret); i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void assert_holds(const char *name, const char *bytes, size_t size)
{
    struct error_text error = {.text = ""};
    struct secret secret;
    struct resources before = resources_now();
    cr_assert(secret_read(&secret, name, "password", &error), "%s", error.text);
    cr_assert_eq(secret.size, size, "%s: %zu", name, secret.size);
    cr_assert_eq(memcmp(secret.text, bytes, size), 0);
    cr_assert_eq(resources_now().descriptors, before.descriptors);
    secret_wipe(&secret);
    cr_assert(is_empty(&secret));
}

/* WANTED is part of the sentence (tests/golden/library.txt has the whole ones). Nothing of what was
 * read is left behind. */
static void assert_refused(const char *name, const char *wanted)
{
    struct error_text error = {.text = ""};
    struct secret secret;
    struct resources before = resources_now();
    memset(&secret, 'x', sizeof(secret));
    cr_assert_not(secret_read(&secret, name, "password", &error), "%s", wanted);
    cr_assert(strstr(error.text, wanted), "\"%s\" has no \"%s\"", error.text, wanted);
    cr_assert(is_empty(&secret), "%s", wanted);
    cr_assert_eq(resources_now().descriptors, before.descriptors);
}

/* ---- Contents ------------------------------------------------------------------------------- */

Test(secret, one_newline_at_the_end_is_no_part_of_it, .init = enter, .fini = leave)
{
#define BYTES(text) text, sizeof(text) - 1
    static const struct {
        const char *file;
        size_t file_size;
        const char *secret;
        size_t size;
    } rows[] = {{BYTES("secret"), BYTES("secret")},
                {BYTES("secret\n"), BYTES("secret")},
                {BYTES("secret\n\n"), BYTES("secret\n")},
                {BYTES("\nsecret"), BYTES("\nsecret")},
                {BYTES(" two words \n"), BYTES(" two words ")},
                {BYTES("a\0b\n"), BYTES("a\0b")},
                {BYTES("\n\n"), BYTES("\n")},
                {BYTES("x"), BYTES("x")}};
#undef BYTES
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_file("file", rows[i].file, rows[i].file_size, 0600);
        assert_holds("file", rows[i].secret, rows[i].size);
    }
}

Test(secret, an_empty_one_is_none, .init = enter, .fini = leave)
{
    write_file("file", "", 0, 0600);
    assert_refused("file", "file is empty");
    write_file("file", "\n", 1, 0600);
    assert_refused("file", "file is empty");
}

Test(secret, up_to_512_bytes, .init = enter, .fini = leave)
{
    static const char too_long[] = "file is too long: a password has up to 512 bytes";
    char bytes[8192];
    memset(bytes, 'a', sizeof(bytes));
    write_file("file", bytes, SECRET_MAX, 0600);
    assert_holds("file", bytes, SECRET_MAX);
    static const size_t long_sizes[] = {SECRET_MAX + 1, SECRET_MAX + 2, SECRET_MAX + 3, 8192};
    for (size_t i = 0; i < COUNT(long_sizes); i++) {
        write_file("file", bytes, long_sizes[i], 0600);
        assert_refused("file", too_long);
    }
    bytes[SECRET_MAX] = '\n';
    write_file("file", bytes, SECRET_MAX + 1, 0600);
    assert_holds("file", bytes, SECRET_MAX);
    bytes[SECRET_MAX + 1] = '\n'; /* two newlines: one of them counts */
    write_file("file", bytes, SECRET_MAX + 2, 0600);
    assert_refused("file", too_long);
}

/* ---- Files ---------------------------------------------------------------------------------- */

Test(secret, it_must_not_be_open_to_others, .init = enter, .fini = leave)
{
    static const mode_t open_modes[] = {0644, 0604, 0602, 0601, 0666};
    write_file("file", "secret", 6, 0400);
    assert_holds("file", "secret", 6);
    for (size_t i = 0; i < COUNT(open_modes); i++) {
        write_file("file", "secret", 6, open_modes[i]);
        assert_refused("file", "open to others (everybody): chmod 600 file");
    }
}

Test(secret, a_link_is_followed_to_what_it_names, .init = enter, .fini = leave)
{
    write_file("file", "secret", 6, 0600);
    cr_assert_eq(symlink("file", "link"), 0);
    assert_holds("link", "secret", 6);
    write_file("file", "secret", 6, 0644);
    assert_refused("link", "open to others (everybody): chmod 600 link");
    cr_assert_eq(unlink("file"), 0);
    assert_refused("link", "link cannot be read");
}

/* None of them makes it wait. */
Test(secret, only_a_regular_file_will_do, .init = enter, .fini = leave)
{
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    assert_refused("pipe", "pipe is not a regular file");
    assert_refused(".", ". is not a regular file");
    assert_refused("/dev/zero", "/dev/zero is not a regular file");
    assert_refused("none", "none cannot be read");
}

Test(secret, a_path_that_is_none, .init = enter, .fini = leave)
{
    assert_refused("", "the path of the password file is empty");
}

Test(secret, a_path_that_is_too_long, .init = enter, .fini = leave)
{
    char path[PATH_MAX + 1];
    memset(path, 'a', sizeof(path));
    path[PATH_MAX] = '\0';
    assert_refused(path, "the path of the password file is too long");
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", path, 1), 0);
    assert_refused("credential:a", "the path of the password file is too long");
}

/* ---- Credentials of systemd ------------------------------------------------------------------ */

Test(secret, a_credential_is_a_file_in_the_folder_of_credentials, .init = enter, .fini = leave)
{
    write_file("other", "secret\n", 7, 0400);
    assert_refused("credential:other", "there are no systemd credentials here");
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    cr_assert_eq(chdir("/"), 0);
    assert_holds("credential:other", "secret", 6);
    char wanted[128];
    (void)snprintf(wanted, sizeof(wanted), "%s/none cannot be read", folder);
    assert_refused("credential:none", wanted);
    cr_assert_eq(chdir(folder), 0);
}

Test(secret, a_credential_lies_nowhere_else, .init = enter, .fini = leave)
{
    static const char *const names[] = {"", ".", "..", ".hidden", "../file", "/file", "a/b", "a/"};
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    write_file("file", "secret", 6, 0600);
    for (size_t i = 0; i < COUNT(names); i++) {
        char name[64], wanted[128];
        (void)snprintf(name, sizeof(name), "credential:%s", names[i]);
        (void)snprintf(wanted, sizeof(wanted),
                       "%s: the name of a credential must follow, without a folder", name);
        assert_refused(name, wanted);
    }
    assert_refused("credential", "credential cannot be read");
}
