/* Keys by URI: which are found, and what is said of the others. Tokens are tested end to end
 * (tests/e2e/test_secrets.py). */
#include "server/lib/tls/store_key.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(store_key, .timeout = 60);

static char folder[] = "/tmp/test_store_key_XXXXXX";
static const char passphrase[] = "secret";

static void add_key(FILE *file, bool encrypted)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    cr_assert_not_null(key);
    cr_assert_eq(PEM_write_PKCS8PrivateKey(file, key, encrypted ? EVP_aes_128_cbc() : NULL,
                                           encrypted ? passphrase : NULL,
                                           encrypted ? (int)strlen(passphrase) : 0, NULL, NULL),
                 1);
    EVP_PKEY_free(key);
}

static void write_keys(const char *name, int count, bool encrypted)
{
    FILE *file = fopen(name, "we");
    cr_assert_not_null(file);
    for (int i = 0; i < count; i++)
        add_key(file, encrypted);
    cr_assert_eq(fclose(file), 0);
}

static void enter(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    write_keys("one", 1, false);
    write_keys("two", 2, false);
    write_keys("none", 0, false);
    write_keys("locked", 1, true);
}

static void leave(void)
{
    static const char *const names[] = {"one", "two", "none", "locked"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        cr_assert_eq(unlink(names[i]), 0);
    cr_assert_eq(rmdir(folder), 0);
}

/* Counts, and gives what ARG points at. */
struct keeper {
    const char *text; /* NULL: none */
    int asked;
};

static int give(const char *name, char *buffer, size_t size, void *arg)
{
    struct keeper *keeper = arg;
    cr_assert_str_eq(name, "store:locked");
    keeper->asked++;
    if (!keeper->text)
        return -1;
    cr_assert_lt(strlen(keeper->text), size);
    memcpy(buffer, keeper->text, strlen(keeper->text));
    return (int)strlen(keeper->text);
}

/* WANTED is part of the error; NULL: there is a key. */
static void check(const char *name, const struct pem_passphrase *source, const char *wanted)
{
    struct error_text error = {.text = ""};
    struct resources before = resources_now();
    EVP_PKEY *key = store_key_load(name, source, &error);
    cr_assert_eq(!key, !!wanted, "%s: %s", name, error.text);
    cr_assert(!wanted || strstr(error.text, wanted), "\"%s\" has no \"%s\"", error.text, wanted);
    cr_assert_eq(ERR_peek_error(), 0);
    cr_assert_eq(resources_now().descriptors, before.descriptors);
    EVP_PKEY_free(key);
}

Test(store_key, the_only_key_is_found, .init = enter, .fini = leave)
{
    const struct pem_passphrase nobody = {.call = NULL};
    cr_assert(store_key_is("store:one") && !store_key_is("one") && !store_key_is("stor"));
    check("store:one", &nobody, NULL);
    check("store:two", &nobody, "store:two: there are several private keys");
    check("store:none", &nobody, "store:none");
    check("store:absent", &nobody, "cannot be loaded");
    check("store:", &nobody, "cannot be loaded");
    check("store:unknown:x", &nobody, "needs a provider in openssl.cnf");
}

static void assert_shown(const char *name, const char *wanted)
{
    struct error_text shown;
    store_key_show(name, &shown);
    cr_assert_str_eq(shown.text, wanted);
}

/* A PIN as RFC 7512 has it, and as older programs did. */
Test(store_key, no_message_has_a_pin, .init = enter, .fini = leave)
{
    const struct pem_passphrase nobody = {.call = NULL};
    assert_shown("store:pkcs11:token=t;object=o", "store:pkcs11:token=t;object=o");
    assert_shown("store:pkcs11:token=t?module-name=m&pin-value=1234", "store:pkcs11:token=t...");
    assert_shown("store:pkcs11:token=t;pin-value=1234", "store:pkcs11:token=t;...");
    assert_shown("key?pin-value=1.pem", "key?pin-value=1.pem");
    check("store:unknown:x?pin-value=1234", &nobody, "store:unknown:x... cannot be loaded");
    check("store:two?pin-value=1234", &nobody, "store:two... cannot be loaded");
}

Test(store_key, its_passphrase_is_asked_for_once, .init = enter, .fini = leave)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {{passphrase, NULL},
                {"wrong", "the passphrase that the callback gave is wrong"},
                {NULL, "the callback gave none"}};
    const struct pem_passphrase nobody = {.call = NULL};
    check("store:locked", &nobody, "\"key_passphrase_file\"");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct keeper keeper = {.text = rows[i].text};
        check("store:locked", &(struct pem_passphrase){give, &keeper, NULL}, rows[i].wanted);
        cr_assert_eq(keeper.asked, 1);
    }
}
