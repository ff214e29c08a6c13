/* Sealed records, the keys' file, and the keys of tickets. */
#include "server/lib/sessions/seal.h"
#include "server/lib/sessions/tickets.h"
#include "tests/support/certs.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define ONE "1111111111111111111111111111111111111111111111111111111111111111\n"
#define TWO "ABCDEF22222222222222222222222222222222222222222222222222222222ab\n"
#define THREE "3333333333333333333333333333333333333333333333333333333333333333\n"

enum { SIZE = 100 };

static struct test_folder *folder;
static const struct seal_purpose purpose = {"purpose", 7}, other = {"purposE", 7};

static void set_up(void)
{
    folder = test_folder_new();
}

static void tear_down(void)
{
    test_folder_free(folder);
}

TestSuite(sessions_seal, .init = set_up, .fini = tear_down);

static struct keyring *ring_of(const char *text)
{
    struct error_text error;
    struct keyring *ring = keyring_new(test_write_text(folder, "keys", text), &error);
    cr_assert_not_null(ring, "%s", error.text);
    return ring;
}

static void fill(uint8_t *plain)
{
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (uint8_t)(i * 7);
}

/* Does a record that was sealed with the one set of keys open with the other? */
static bool opens(const char *sealing, const char *opening)
{
    uint8_t plain[SIZE], sealed[SIZE + SEAL_OVERHEAD], opened[SIZE] = {0};
    struct keyring *one = ring_of(sealing);
    struct keyring *two = ring_of(opening);
    struct key_set *first = keyring_hold(one), *second = keyring_hold(two);
    fill(plain);
    cr_assert_eq(seal_data(first, purpose, plain, SIZE, sealed), sizeof(sealed));
    bool result = seal_open(second, purpose, sealed, sizeof(sealed), opened);
    cr_assert(!result || memcmp(plain, opened, SIZE) == 0);
    cr_assert_eq(ERR_peek_error(), 0);
    key_set_release(second);
    key_set_release(first);
    keyring_free(two);
    keyring_free(one);
    return result;
}

/* ---- Records -------------------------------------------------------------------------------- */

Test(sessions_seal, which_keys_open)
{
    static const struct {
        const char *sealing, *opening;
        bool opens;
    } rows[] = {
        {ONE, ONE, true},           {ONE TWO, ONE, true},  {ONE, TWO ONE, true},
        {ONE, THREE TWO ONE, true}, {TWO ONE, ONE, false}, {ONE, TWO, false},
        {ONE, TWO THREE, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_assert_eq(opens(rows[i].sealing, rows[i].opening), rows[i].opens, "row %zu", i);
}

Test(sessions_seal, every_byte_and_every_length_counts)
{
    uint8_t plain[SIZE], sealed[SIZE + SEAL_OVERHEAD + 1] = {0}, opened[SIZE + 1];
    struct keyring *ring = ring_of(ONE TWO);
    struct key_set *keys = keyring_hold(ring);
    fill(plain);
    size_t size = seal_data(keys, purpose, plain, SIZE, sealed);
    for (size_t i = 0; i < size; i++)
        for (unsigned bit = 1; bit < 256; bit *= 2) {
            sealed[i] ^= (uint8_t)bit;
            cr_assert_not(seal_open(keys, purpose, sealed, size, opened), "byte %zu", i);
            sealed[i] ^= (uint8_t)bit;
        }
    for (size_t length = 0; length < size; length++)
        cr_assert_not(seal_open(keys, purpose, sealed, length, opened), "length %zu", length);
    cr_assert_not(seal_open(keys, purpose, sealed, size + 1, opened));
    cr_assert_not(seal_open(keys, other, sealed, size, opened));
    cr_assert(seal_open(keys, purpose, sealed, size, opened));
    cr_assert_eq(ERR_peek_error(), 0, "a record that does not open is no failure");
    key_set_release(keys);
    keyring_free(ring);
}

Test(sessions_seal, no_two_are_alike_and_nothing_shows)
{
    uint8_t plain[SIZE] = {0}, one[SIZE + SEAL_OVERHEAD], two[SIZE + SEAL_OVERHEAD];
    struct keyring *ring = ring_of(ONE);
    struct key_set *keys = keyring_hold(ring);
    seal_data(keys, purpose, plain, SIZE, one);
    seal_data(keys, purpose, plain, SIZE, two);
    cr_assert_arr_neq(one + SEAL_HEAD, two + SEAL_HEAD, SEAL_NONCE);
    cr_assert_arr_neq(one + SEAL_HEAD + SEAL_NONCE, two + SEAL_HEAD + SEAL_NONCE, SIZE);
    cr_assert_null(memmem(one + SEAL_HEAD, sizeof(one) - SEAL_HEAD, plain, 16));
    key_set_release(keys);
    keyring_free(ring);
}

Test(sessions_seal, an_empty_record)
{
    uint8_t sealed[SEAL_OVERHEAD], opened[1];
    struct keyring *ring = ring_of(ONE);
    struct key_set *keys = keyring_hold(ring);
    cr_assert_eq(seal_data(keys, purpose, "", 0, sealed), SEAL_OVERHEAD);
    cr_assert(seal_open(keys, purpose, sealed, sizeof(sealed), opened));
    key_set_release(keys);
    keyring_free(ring);
}

/* ---- The file ------------------------------------------------------------------------------- */

/* With "#" before it as long as a buffer, so that what follows could be taken for a line of its
 * own. */
#define LONG                                                                                      \
    "                                                                                           " \
    "                                                                                           " \
    "                                                                        "

Test(sessions_seal, files_of_keys)
{
    static const struct {
        const char *text;
        const char *error; /* what the sentence holds; NULL: fine */
        size_t count;
    } rows[] = {
        {ONE, NULL, 1},
        {ONE "\n# old\n\r\n" TWO, NULL, 2},
        {"# new\n" ONE THREE "   \n" TWO, NULL, 3},
        {"1111111111111111111111111111111111111111111111111111111111111111", NULL, 1},
        {"1111111111111111111111111111111111111111111111111111111111111111 \t\r\n", NULL, 1},
        {"", "has no key: add one", 0},
        {"\n\n# nothing\n", "has no key: add one", 0},
        {ONE "12\n", "line 2: a key is 64 hex digits", 0},
        {"g111111111111111111111111111111111111111111111111111111111111111\n", "line 1: a key", 0},
        {"11111111111111111111111111111111111111111111111111111111111111111\n", "line 1: a key", 0},
        {"1111111111111111111111111111111111111111111111111111111111111111 x\n", "line 1: a key",
         0},
        {" 1111111111111111111111111111111111111111111111111111111111111111\n", "line 1: a key", 0},
        {"#" LONG TWO ONE, NULL, 1},
        {LONG " " TWO, "line 1: a key", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error_text error = {.text = ""};
        const char *file = test_write_text(folder, "keys", rows[i].text);
        struct keyring *ring = keyring_new(file, &error);
        cr_assert_eq(!!ring, !rows[i].error, "row %zu: %s", i, error.text);
        if (ring) {
            struct key_set *keys = keyring_hold(ring);
            cr_assert_eq(keys->count, rows[i].count, "row %zu", i);
            key_set_release(keys);
        } else {
            cr_assert(strstr(error.text, rows[i].error), "row %zu: %s", i, error.text);
            cr_assert(strstr(error.text, file), "row %zu: %s", i, error.text);
        }
        keyring_free(ring);
    }
}

Test(sessions_seal, too_many_keys)
{
    char text[KEYRING_MAX * 70 + 70] = "";
    struct error_text error;
    for (size_t i = 0; i < KEYRING_MAX; i++)
        strcat(text, ONE);
    keyring_free(ring_of(text));
    strcat(text, ONE);
    cr_assert_null(keyring_new(test_write_text(folder, "keys", text), &error));
    cr_assert(strstr(error.text, "more than 16 keys"), "%s", error.text);
}

Test(sessions_seal, no_file)
{
    struct error_text error;
    cr_assert_null(keyring_new(test_folder_path(folder, "missing"), &error));
    cr_assert(strstr(error.text, "cannot be read: No such file or directory"), "%s", error.text);
}

Test(sessions_seal, random_keys_are_of_one_ring)
{
    struct error_text error;
    struct keyring *one = keyring_new(NULL, &error), *two = keyring_new(NULL, &error);
    struct key_set *first = keyring_hold(one), *second = keyring_hold(two);
    cr_assert_eq(first->count, 1);
    cr_assert_arr_neq(first->keys[0].seal, second->keys[0].seal, KEYRING_KEY);
    cr_assert(keyring_refresh(one, &error) && keyring_reload(one, &error));
    struct key_set *still = keyring_hold(one);
    cr_assert_eq(still, first);
    key_set_release(still);
    key_set_release(second);
    key_set_release(first);
    keyring_free(two);
    keyring_free(one);
}

Test(sessions_seal, a_new_key_in_the_file)
{
    uint8_t plain[SIZE], sealed[SIZE + SEAL_OVERHEAD], opened[SIZE];
    struct error_text error;
    struct keyring *ring = ring_of(ONE);
    struct key_set *before = keyring_hold(ring);
    fill(plain);
    seal_data(before, purpose, plain, SIZE, sealed);
    test_write_text(folder, "keys", TWO ONE);
    cr_assert(keyring_reload(ring, &error), "%s", error.text);
    struct key_set *after = keyring_hold(ring);
    cr_assert_eq(after->count, 2);
    cr_assert(seal_open(after, purpose, sealed, sizeof(sealed), opened));
    seal_data(after, purpose, plain, SIZE, sealed);
    cr_assert_not(seal_open(before, purpose, sealed, sizeof(sealed), opened));
    key_set_release(after);
    key_set_release(before);
    keyring_free(ring);
}

/* Polls, since the file is looked at once a second at most. */
static size_t count_after_refresh(struct keyring *ring, size_t wanted)
{
    struct error_text error;
    size_t count = 0;
    for (int i = 0; i < 1000 && count != wanted; i++) {
        pause_ms(10);
        cr_assert(keyring_refresh(ring, &error), "%s", error.text);
        struct key_set *keys = keyring_hold(ring);
        count = keys->count;
        key_set_release(keys);
    }
    return count;
}

Test(sessions_seal, a_changed_file_is_noticed)
{
    struct keyring *ring = ring_of(ONE);
    test_write_text(folder, "keys", ONE TWO);
    cr_assert_eq(count_after_refresh(ring, 2), 2);
    test_write_text(folder, "keys", ONE TWO THREE);
    cr_assert_eq(count_after_refresh(ring, 3), 3);
    keyring_free(ring);
}

/* Keys stay when the file becomes unusable; the error is reported until the file is good again.
 */
Test(sessions_seal, a_file_that_goes_bad)
{
    struct error_text error;
    struct keyring *ring = ring_of(ONE TWO);
    const char *file = test_write_text(folder, "keys", "nonsense\n");
    bool reported = false;
    for (int i = 0; i < 1000 && !reported; i++) {
        pause_ms(10);
        reported = !keyring_refresh(ring, &error);
    }
    cr_assert(reported && strstr(error.text, "64 hex digits"));
    struct key_set *keys = keyring_hold(ring);
    cr_assert_eq(keys->count, 2);
    key_set_release(keys);
    cr_assert_eq(unlink(file), 0);
    cr_assert_not(keyring_reload(ring, &error));
    test_write_text(folder, "keys", ONE TWO THREE);
    cr_assert_eq(count_after_refresh(ring, 3), 3);
    keyring_free(ring);
}

/* ---- Tickets -------------------------------------------------------------------------------- */

struct ticket {
    unsigned char name[TICKET_NAME], iv[EVP_MAX_IV_LENGTH];
    int result;
};

static struct ticket ask(const struct key_set *keys, const struct ticket *old)
{
    struct ticket ticket = {.result = 0};
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    if (old)
        ticket = *old;
    ticket.result = tickets_keys(keys, ticket.name, ticket.iv, cipher, mac, !old);
    cr_assert(ticket.result <= 0 || EVP_CIPHER_CTX_get_key_length(cipher) == KEYRING_KEY);
    cr_assert(ticket.result <= 0 || EVP_MAC_CTX_get_mac_size(mac) == 32);
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    EVP_CIPHER_CTX_free(cipher);
    return ticket;
}

Test(sessions_seal, keys_of_tickets)
{
    static const struct {
        const char *opening;
        int result;
    } rows[] = {{ONE, 1}, {ONE TWO, 1}, {TWO ONE, 2}, {THREE TWO ONE, 2}, {TWO, 0}};
    struct keyring *ring = ring_of(ONE);
    struct key_set *keys = keyring_hold(ring);
    struct ticket made = ask(keys, NULL), next = ask(keys, NULL);
    cr_assert_eq(made.result, 1);
    cr_assert_arr_neq(made.iv, next.iv, 16);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct keyring *other_ring = ring_of(rows[i].opening);
        struct key_set *other_keys = keyring_hold(other_ring);
        cr_assert_eq(ask(other_keys, &made).result, rows[i].result, "row %zu", i);
        key_set_release(other_keys);
        keyring_free(other_ring);
    }
    key_set_release(keys);
    keyring_free(ring);
}
