/* Identities and CAs from memory, and passphrases: setters of actpass_identity.h and real
 * handshakes with them. */
#include "tests/unit/test_settings.h"

#include <limits.h>
#include <openssl/bn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

TestSuite(settings_identity, .timeout = 30);

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* ---- Texts ---------------------------------------------------------------------------------- */

enum { TEXT_SIZE = 16384 };

static char *text_of(const char *path)
{
    char *text = calloc(1, TEXT_SIZE);
    FILE *file = fopen(path, "re");
    cr_assert(text && file, "%s", path);
    cr_assert_lt(fread(text, 1, TEXT_SIZE - 1, file), TEXT_SIZE - 1);
    cr_assert_eq(fclose(file), 0);
    return text;
}

/* Everything as text: our end's certificate and key, and the CA. */
struct texts {
    char *certificate, *key, *ca;
};

static struct texts texts_of(const struct test_pair *pair, size_t end)
{
    return (struct texts){text_of(pair->ends[end].certificate), text_of(pair->ends[end].key),
                          text_of(pair->ca)};
}

static void texts_free(struct texts *texts)
{
    free(texts->certificate);
    free(texts->key);
    free(texts->ca);
}

static void wipe(char *text)
{
    memset(text, 'x', strlen(text));
}

static actpass_config *with_texts(const struct test_pair *pair, size_t end)
{
    actpass_config *config = peer_of(pair, end);
    struct texts texts = texts_of(pair, end);
    cr_assert_eq(actpass_config_set_identity_pem(config, texts.certificate, texts.key), 0, "%s",
                 actpass_config_error(config));
    cr_assert_eq(actpass_config_set_ca_pem(config, texts.ca), 0, "%s",
                 actpass_config_error(config));
    wipe(texts.certificate);
    wipe(texts.key);
    wipe(texts.ca);
    texts_free(&texts);
    return config;
}

/* ---- From memory ---------------------------------------------------------------------------- */

Test(settings_identity, both_sides_from_memory)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *server = with_texts(pair, 0), *client = with_texts(pair, 1);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    test_pair_free(pair);
}

/* The last one given counts, wherever it came from. */
Test(settings_identity, files_and_texts_replace_each_other)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 1);
    actpass_config *server = with_texts(pair, 0), *client = with_files(pair, 1);
    cr_assert_eq(actpass_config_set_identity_pem(server, texts.certificate, texts.key), 0);
    cr_assert_eq(actpass_config_set_identity(server, pair->ends[0].certificate, pair->ends[0].key),
                 0);
    cr_assert_eq(actpass_config_set_ca(server, "system"), 0);
    cr_assert_eq(actpass_config_set_ca_pem(server, texts.ca), 0);
    cr_assert_not(server->connection.tls.ca_system);
    cr_assert_eq(actpass_config_set_identity(client, "/no/such.pem", "/no/such.key"), 0);
    cr_assert_eq(actpass_config_set_identity_pem(client, texts.certificate, texts.key), 0);
    cr_assert_eq(actpass_config_set_ca_pem(client, texts.certificate), 0);
    cr_assert_eq(actpass_config_set_ca(client, pair->ca), 0);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    texts_free(&texts);
    test_pair_free(pair);
}

Test(settings_identity, several_by_server_name)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 0);
    actpass_config *server = peer_of(pair, 0), *client = with_files(pair, 1);
    struct test_identity *other = test_ca_new("other");
    char *certificate = text_of(test_write_certificate(pair->folder, "o.pem", other));
    char *key = text_of(test_write_key(pair->folder, "o.key", other, NULL));
    const struct config_tls *tls = &server->connection.tls;
    /* The identity would be refused; the one for the name is not. */
    int failed =
        actpass_config_set_identity_pem(server, certificate, key) |
        actpass_config_add_certificate_pem(server, "else.example", certificate, key) |
        actpass_config_add_certificate_pem(server, "left.example", texts.certificate, texts.key) |
        actpass_config_add_certificate_pem(server, "*.left.example", texts.certificate, texts.key);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(server));
    cr_assert_eq(tls->certificate_count, 2);
    cr_assert_eq(tls->certificates[1].server_names.count, 2);
    assert_meet(server, client);
    actpass_config_free(client);
    actpass_config_free(server);
    free(certificate);
    free(key);
    test_identity_free(other);
    texts_free(&texts);
    test_pair_free(pair);
}

static void must_be(actpass_config *config, unsigned index, const struct test_identity *wanted,
                    const char *subject)
{
    actpass_certificate_t got;
    char serial[64];
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(wanted->certificate), NULL);
    char *digits = BN_bn2hex(number);
    (void)snprintf(serial, sizeof(serial), "%s", digits);
    OPENSSL_free(digits);
    BN_free(number);
    cr_assert_eq(actpass_config_certificate(config, index, &got), 0, "%s",
                 actpass_config_error(config));
    cr_assert_str_eq(got.subject, subject);
    cr_assert_str_eq(got.serial, serial);
    time_t after = (time_t)got.not_after, before = (time_t)got.not_before;
    cr_assert_eq(X509_cmp_time(X509_get0_notAfter(wanted->certificate), &after), -1);
    after--;
    cr_assert_eq(X509_cmp_time(X509_get0_notAfter(wanted->certificate), &after), 1);
    cr_assert_eq(X509_cmp_time(X509_get0_notBefore(wanted->certificate), &before), -1);
}

Test(settings_identity, what_was_loaded)
{
    struct test_pair *pair = test_pair_new();
    struct test_identity *one = test_ca_new("one"), *two = test_ca_new("two <b>");
    actpass_config *config = with_files(pair, 0);
    actpass_certificate_t got;
    const char *certificate = test_write_certificate(pair->folder, "1.pem", one);
    int failed = actpass_config_set_identity(config, certificate,
                                             test_write_key(pair->folder, "1.key", one, NULL));
    certificate = test_write_certificate(pair->folder, "2.pem", two);
    failed |= actpass_config_add_certificate(config, "two.example", certificate,
                                             test_write_key(pair->folder, "2.key", two, NULL));
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    must_be(config, 0, one, "CN=one");
    must_be(config, 1, two, "CN=two \\<b\\>");
    cr_assert_eq(actpass_config_certificate(config, 2, &got), -1);
    cr_assert_eq(got.not_after, 0);
    cr_assert_eq(actpass_config_certificate(config, UINT_MAX, &got), -1);
    actpass_config_free(config);
    test_identity_free(two);
    test_identity_free(one);
    test_pair_free(pair);
}

/* As client without a certificate, and where nothing can be loaded. */
Test(settings_identity, nothing_was_loaded)
{
    struct test_pair *pair = test_pair_new();
    actpass_config *client = actpass_config_new(), *bad = actpass_config_new();
    actpass_certificate_t got;
    int failed = actpass_config_set_role(client, ACTPASS_ROLE_CLIENT) |
                 actpass_config_set_ca(client, pair->ca) |
                 actpass_config_set_role(bad, ACTPASS_ROLE_SERVER) |
                 actpass_config_set_identity(bad, "/nowhere/a.pem", "/nowhere/a.key");
    cr_assert_eq(failed, 0);
    cr_assert_eq(actpass_config_certificate(client, 0, &got), -1);
    cr_assert_eq(actpass_config_certificate(client, 1, &got), -1);
    cr_assert_eq(actpass_config_certificate(bad, 0, &got), -1);
    assert_says(bad, "/nowhere/a.pem");
    actpass_config_free(bad);
    actpass_config_free(client);
    test_pair_free(pair);
}

/* Both setters refuse the pair, and say why. */
static void check_refused(actpass_config *config, const char *certificate, const char *key,
                          const char *says)
{
    cr_assert_eq(actpass_config_set_identity_pem(config, certificate, key), -1, "%s", says);
    assert_says(config, says);
    cr_assert_eq(actpass_config_add_certificate_pem(config, "a.example", certificate, key), -1,
                 "%s", says);
    assert_says(config, says);
}

static void check_bad_texts(actpass_config *config, const struct texts *texts)
{
    static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIBxzCCAW6gAwIBAgII\n";
    static char huge[1048578];
    memset(huge, 'x', sizeof(huge) - 1);
    const struct {
        const char *certificate, *key, *says;
    } rows[] = {
        {"", texts->key, "certificate in memory holds no certificate"},
        {"/etc/passwd", texts->key, "certificate in memory holds no certificate"},
        {texts->key, texts->key, "certificate in memory holds no certificate"},
        {cut, texts->key, "certificate in memory holds a certificate that cannot be read"},
        {huge, texts->key, "certificate in memory is longer than 1 MiB"},
        {texts->certificate, "", "key in memory holds no private key"},
        {texts->certificate, texts->certificate, "key in memory holds no private key"},
        {texts->certificate, huge, "key in memory is longer than 1 MiB"},
        {NULL, texts->key, "PEM texts"},
        {texts->certificate, NULL, "PEM texts"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refused(config, rows[i].certificate, rows[i].key, rows[i].says);
}

Test(settings_identity, texts_that_cannot_be_used)
{
    struct test_pair *pair = test_pair_new();
    struct texts texts = texts_of(pair, 0);
    actpass_config *config = with_texts(pair, 0);
    check_bad_texts(config, &texts);
    cr_assert_eq(
        actpass_config_add_certificate_pem(config, "no name", texts.certificate, texts.key), -1);
    cr_assert_eq(actpass_config_set_ca_pem(config, NULL), -1);
    cr_assert_eq(actpass_config_set_ca_pem(config, texts.key), -1);
    assert_says(config, "ca in memory holds no certificate");
    cr_assert_eq(config->connection.tls.certificate_count, 0);
    cr_assert_eq(actpass_config_check(config), 0, "nothing has changed: %s",
                 actpass_config_error(config));
    actpass_config_free(config);
    texts_free(&texts);
    test_pair_free(pair);
}

Test(settings_identity, a_key_that_does_not_match_is_named)
{
    struct test_pair *pair = test_pair_new();
    struct texts own = texts_of(pair, 0), other = texts_of(pair, 1);
    actpass_config *config = peer_of(pair, 0);
    cr_assert_eq(actpass_config_set_identity_pem(config, own.certificate, other.key), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "key in memory does not match certificate in memory");
    actpass_config_free(config);
    texts_free(&own);
    texts_free(&other);
    test_pair_free(pair);
}

/* ---- Passphrases ---------------------------------------------------------------------------- */

struct keeper {
    const char *passphrase; /* NULL: none */
    int calls;
    char asked_for[256];
};

static int give(const char *key, char *buffer, size_t size, void *arg)
{
    struct keeper *keeper = arg;
    keeper->calls++;
    (void)snprintf(keeper->asked_for, sizeof(keeper->asked_for), "%s", key);
    if (!keeper->passphrase)
        return -1;
    cr_assert_lt(strlen(keeper->passphrase), size);
    memcpy(buffer, keeper->passphrase, strlen(keeper->passphrase));
    return (int)strlen(keeper->passphrase);
}

static int lie(const char *key, char *buffer, size_t size, void *arg)
{
    (void)key;
    (void)buffer;
    (void)arg;
    return (int)size + 1;
}

/* A server with an encrypted key, the file or its text. */
struct locked {
    struct test_pair *pair;
    struct test_identity *own;
    const char *certificate, *key;
    char *certificate_text, *key_text;
};

static struct locked locked_new(void)
{
    struct locked locked = {.pair = test_pair_new(), .own = test_ca_new("own")};
    locked.certificate = test_write_certificate(locked.pair->folder, "l.pem", locked.own);
    locked.key = test_write_key(locked.pair->folder, "l.key", locked.own, "secret");
    locked.certificate_text = text_of(locked.certificate);
    locked.key_text = text_of(locked.key);
    return locked;
}

static void locked_free(struct locked *locked)
{
    free(locked->certificate_text);
    free(locked->key_text);
    test_identity_free(locked->own);
    test_pair_free(locked->pair);
}

static actpass_config *locked_config(const struct locked *locked, bool in_memory)
{
    actpass_config *config = peer_of(locked->pair, 0);
    int failed = in_memory ? actpass_config_set_identity_pem(config, locked->certificate_text,
                                                             locked->key_text)
                           : actpass_config_set_identity(config, locked->certificate, locked->key);
    cr_assert_eq(failed, 0, "%s", actpass_config_error(config));
    return config;
}

static void check_passphrases(const struct locked *locked, bool in_memory)
{
    static const struct {
        const char *passphrase, *says;
    } rows[] = {{"wrong", "the passphrase that the callback gave is wrong"},
                {"", "the passphrase that the callback gave is wrong"},
                {NULL, "and the callback gave none"},
                {"secret", ""}};
    actpass_config *config = locked_config(locked, in_memory);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "is protected by a passphrase");
    cr_assert_eq(actpass_config_set_passphrase(config, lie, NULL), 0);
    cr_assert_eq(actpass_config_check(config), -1);
    assert_says(config, "and the callback gave none");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct keeper keeper = {.passphrase = rows[i].passphrase};
        bool right = !*rows[i].says;
        cr_assert_eq(actpass_config_set_passphrase(config, give, &keeper), 0);
        cr_assert_eq(actpass_config_check(config), right ? 0 : -1, "row %zu: %s", i,
                     actpass_config_error(config));
        cr_assert_eq(keeper.calls, 1, "row %zu: %d calls", i, keeper.calls);
        cr_assert_str_eq(keeper.asked_for, in_memory ? "in memory" : locked->key);
        if (!right)
            assert_says(config, rows[i].says);
    }
    actpass_config_free(config);
}

Test(settings_identity, passphrases)
{
    struct locked locked = locked_new();
    check_passphrases(&locked, false);
    check_passphrases(&locked, true);
    locked_free(&locked);
}

Test(settings_identity, passphrases_of_added_certificates)
{
    struct locked locked = locked_new();
    struct keeper keeper = {.passphrase = "secret"};
    actpass_config *config = with_files(locked.pair, 0);
    cr_assert_eq(actpass_config_add_certificate_pem(config, "a.example", locked.certificate_text,
                                                    locked.key_text),
                 0);
    cr_assert_eq(actpass_config_check(config), -1);
    cr_assert_eq(actpass_config_set_passphrase(config, give, &keeper), 0);
    cr_assert_eq(actpass_config_check(config), 0, "%s", actpass_config_error(config));
    cr_assert_eq(keeper.calls, 1);
    actpass_config_free(config);
    locked_free(&locked);
}
