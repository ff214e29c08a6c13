/* Pins: reading them, and the pin of a key. */
#include "server/lib/tls/pin.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEX "00112233445566778899aabbccddeeff0102030405060708090a0b0c0d0e0fA0"

Test(pin, reads_every_digit)
{
    static const uint8_t digest[32] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
                                       0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                       0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xa0};
    struct config_pin pin;
    cr_assert_null(config_pin_parse("sha256:" HEX, &pin));
    cr_assert_arr_eq(pin.digest, digest, sizeof(digest));
}

Test(pin, refuses_what_is_none)
{
    static const char *const wrong[] = {"",
                                        "sha256:",
                                        ZEROS,
                                        "SHA256:" ZEROS,
                                        "sha1:" ZEROS,
                                        "sha256:" ZEROS "0",
                                        "sha256:" ZEROS " ",
                                        "sha256/" ZEROS,
                                        " sha256:" ZEROS,
                                        "sha256:g000000000000000000000000000000000000000000000"
                                        "000000000000000000",
                                        "sha256:000000000000000000000000000000000000000000000000"
                                        "00000000000000:0",
                                        "sha256:00"};
    struct config_pin pin;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert(!!config_pin_parse(wrong[i], &pin), "\"%s\" was read", wrong[i]);
}

Test(pin, is_the_digest_of_the_whole_subject_public_key_info)
{
    char text[72];
    struct config_pin pinned, pin;
    struct test_identity *one = test_ca_new("one");
    cr_assert_null(config_pin_parse(test_identity_pin(one, text), &pinned));
    cr_assert(pin_of(one->certificate, &pin));
    cr_assert(pin_equal(&pinned, &pin));
    test_identity_free(one);
}

Test(pin, stays_with_the_key_when_the_certificate_is_renewed)
{
    struct config_pin before, after, stranger;
    struct test_identity *one = test_ca_new("one");
    struct test_identity *other = test_ca_new("one");
    struct test_identity *renewed = test_identity_new(
        &(struct test_identity_options){.issuer = other, .same_key = one, .common_name = "new"});
    cr_assert(pin_of(one->certificate, &before));
    cr_assert(pin_of(renewed->certificate, &after));
    cr_assert(pin_of(other->certificate, &stranger));
    cr_assert(pin_equal(&before, &after));
    cr_assert_not(pin_equal(&before, &stranger));
    test_identity_free(renewed);
    test_identity_free(other);
    test_identity_free(one);
}

Test(pin, differs_where_one_byte_differs)
{
    for (size_t i = 0; i < sizeof(struct config_pin); i++) {
        struct config_pin one = {{0}}, other = {{0}};
        other.digest[i] = 1;
        cr_assert_not(pin_equal(&one, &other), "byte %zu does not count", i);
    }
}
