#include "server/lib/tls/limits.h"

#include <criterion/criterion.h>
#include <string.h>

enum { VERSION = 0x30000000 };

static unsigned long version(unsigned minor, unsigned patch)
{
    return VERSION | minor << 20 | patch << 4;
}

Test(limits, versions_with_holes_that_peers_reach_are_warned_of)
{
    static const struct {
        unsigned minor, last_bad;
    } rows[] = {{0, 13}, {1, 5}, {2, 1}, {3, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (unsigned patch = 0; patch <= rows[i].last_bad; patch++)
            cr_assert_not_null(limits_version_warning(version(rows[i].minor, patch)));
        cr_assert_null(limits_version_warning(version(rows[i].minor, rows[i].last_bad + 1)));
    }
    cr_assert_null(limits_version_warning(version(4, 0)));
    cr_assert_null(limits_version_warning(version(5, 0)));
    cr_assert_null(limits_version_warning(0x40000000));
    cr_assert_null(limits_version_warning(OpenSSL_version_num()));
}

Test(limits, default_groups_by_version)
{
    static const struct {
        unsigned minor;
        bool hybrid;
    } rows[] = {{0, false}, {2, false}, {3, false}, {4, false}, {5, true}, {6, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *groups = limits_default_groups(version(rows[i].minor, 0));
        cr_assert_eq(!!strstr(groups, "X25519MLKEM768"), rows[i].hybrid, "3.%u", rows[i].minor);
        /* OpenSSL before 3.5 skips or refuses names with these. */
        cr_assert_eq(!!strpbrk(groups, "?*/"), rows[i].hybrid, "3.%u", rows[i].minor);
        cr_assert(strstr(groups, "X25519"), "3.%u", rows[i].minor);
        cr_assert(strstr(groups, "P-256") || strstr(groups, "secp256r1"), "3.%u", rows[i].minor);
    }
    cr_assert_str_eq(limits_default_groups(version(4, 15)), limits_default_groups(VERSION));
    cr_assert_str_eq(limits_default_groups(0x40000000), limits_default_groups(version(5, 0)));
}

static SSL_CTX *context_of(const struct config_tls *tls)
{
    struct error_text error = {.text = ""};
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    cr_assert(limits_use(ctx, tls));
    cr_assert(limits_use_algorithms(ctx, tls, &error), "%s", error.text);
    return ctx;
}

Test(limits, what_a_peer_may_show_is_bounded)
{
    SSL_CTX *ctx = context_of(&(struct config_tls){.max_certificate_list = 0});
    cr_assert_eq(SSL_CTX_get_max_cert_list(ctx), CONFIG_CERTIFICATE_LIST_DEFAULT);
    cr_assert_eq(SSL_CTX_get_verify_depth(ctx), CONFIG_VERIFY_DEPTH_DEFAULT);
    cr_assert_eq(SSL_CTX_get_security_level(ctx), 2);
    SSL_CTX_free(ctx);
    ctx = context_of(&(struct config_tls){.max_certificate_list = 5000, .verify_depth = 2});
    cr_assert_eq(SSL_CTX_get_max_cert_list(ctx), 5000);
    cr_assert_eq(SSL_CTX_get_verify_depth(ctx), 2);
    SSL_CTX_free(ctx);
}

/* One ClientHello, as the server reads it. */
struct offered {
    uint16_t groups[32];
    size_t count;
};

static int keep_groups(SSL *ssl, int *alert, void *arg)
{
    struct offered *offered = arg;
    const unsigned char *data;
    size_t size;
    (void)alert;
    cr_assert_eq(SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_groups, &data, &size), 1);
    for (size_t at = 2; at + 1 < size && offered->count < 32; at += 2)
        offered->groups[offered->count++] = (uint16_t)(data[at] << 8 | data[at + 1]);
    return SSL_CLIENT_HELLO_ERROR;
}

static bool offers(const struct offered *offered, uint16_t group)
{
    for (size_t i = 0; i < offered->count; i++)
        if (offered->groups[i] == group)
            return true;
    return false;
}

Test(limits, common_groups_are_offered_by_default)
{
    enum { P256 = 0x17, P384 = 0x18, P521 = 0x19, X25519 = 0x1d, X448 = 0x1e }; /* RFC 8446 */
    static const uint16_t wanted[] = {P256, P384, P521, X25519, X448};
    struct offered offered = {.count = 0};
    SSL_CTX *ctx = context_of(&(struct config_tls){.max_certificate_list = 0});
    SSL_CTX_set_client_hello_cb(ctx, keep_groups, &offered);
    SSL *client = SSL_new(ctx), *server = SSL_new(ctx);
    BIO *one, *other;
    cr_assert_eq(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    cr_assert_eq(SSL_connect(client), -1);
    cr_assert_leq(SSL_accept(server), 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        cr_assert(offers(&offered, wanted[i]), "%#x", wanted[i]);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(ctx);
}

Test(limits, the_default_suites_are_modern)
{
    SSL_CTX *ctx = context_of(&(struct config_tls){.max_certificate_list = 0});
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
    int tls12 = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        cr_assert(SSL_CIPHER_is_aead(cipher), "%s", SSL_CIPHER_get_name(cipher));
        cr_assert(SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any ||
                      SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe,
                  "%s", SSL_CIPHER_get_name(cipher));
        tls12 += SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe;
    }
    cr_assert_eq(tls12, 6);
    SSL_CTX_free(ctx);
}
