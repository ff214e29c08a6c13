#include "server/daemon/fingerprint.h"

#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct test_folder *folder;

static void enter(void)
{
    folder = test_folder_new();
}

static void leave(void)
{
    test_folder_free(folder);
}

/* The configuration only reads the path. */
static char *written(const char *name, const char *text)
{
    return (char *)(uintptr_t)test_write_text(folder, name, text);
}

Test(fingerprint, what_is_written_decides, .init = enter, .fini = leave)
{
    struct config_tls tls = {.certificate = written("c.pem", "one")};
    uint64_t one = fingerprint_of(&tls);
    (void)written("c.pem", "one");
    cr_assert_eq(fingerprint_of(&tls), one, "written again");
    (void)written("c.pem", "two");
    cr_assert_neq(fingerprint_of(&tls), one);
    (void)written("c.pem", "");
    cr_assert_neq(fingerprint_of(&tls), one);
}

Test(fingerprint, each_file_counts, .init = enter, .fini = leave)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    enum { FILES = sizeof(names) / sizeof(names[0]) };
    char *paths[FILES];
    for (size_t i = 0; i < FILES; i++)
        paths[i] = strdup(written(names[i], "text"));
    struct config_certificate named = {
        .certificate = paths[5], .key = paths[6], .key_passphrase_file = paths[7]};
    struct config_tls tls = {.certificate = paths[0],
                             .key = paths[1],
                             .ca = paths[2],
                             .crl = paths[3],
                             .ocsp_response = paths[4],
                             .key_passphrase_file = paths[8],
                             .certificates = &named,
                             .certificate_count = 1};
    uint64_t before = fingerprint_of(&tls);
    for (size_t i = 0; i < FILES; i++) {
        (void)written(names[i], "other");
        cr_assert_neq(fingerprint_of(&tls), before, "%s", names[i]);
        (void)written(names[i], "text");
        cr_assert_eq(fingerprint_of(&tls), before, "%s", names[i]);
    }
    for (size_t i = 0; i < FILES; i++)
        free(paths[i]);
}

static void fail(const char *path, void *arg)
{
    (void)arg;
    cr_assert_fail("%s", path);
}

Test(fingerprint, stores_and_credentials_are_no_files)
{
    char key[] = "store:pkcs11:token=t", passphrase[] = "credential:pin";
    const struct config_tls tls = {.key = key, .key_passphrase_file = passphrase};
    fingerprint_each_file(&tls, fail, NULL);
}

Test(fingerprint, what_moves_from_one_file_to_the_next_is_a_change, .init = enter, .fini = leave)
{
    char *certificate = strdup(written("c.pem", "ab"));
    struct config_tls tls = {.certificate = certificate, .key = written("c.key", "cd")};
    uint64_t before = fingerprint_of(&tls);
    (void)written("c.pem", "abc");
    (void)written("c.key", "d");
    cr_assert_neq(fingerprint_of(&tls), before);
    free(certificate);
}

Test(fingerprint, a_file_that_is_not_there_and_comes, .init = enter, .fini = leave)
{
    char *path = strdup(written("c.pem", ""));
    struct config_tls tls = {.certificate = path}, none = {.certificate = NULL};
    uint64_t empty = fingerprint_of(&tls);
    cr_assert_eq(unlink(path), 0);
    uint64_t missing = fingerprint_of(&tls);
    cr_assert_neq(missing, empty);
    cr_assert_neq(missing, fingerprint_of(&none));
    free(path);
}
