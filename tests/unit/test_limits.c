#include "server/lib/tls/limits.h"

#include <criterion/criterion.h>

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
            cr_assert_not_null(openssl_version_warning(version(rows[i].minor, patch)));
        cr_assert_null(openssl_version_warning(version(rows[i].minor, rows[i].last_bad + 1)));
    }
    cr_assert_null(openssl_version_warning(version(4, 0)));
    cr_assert_null(openssl_version_warning(version(5, 0)));
    cr_assert_null(openssl_version_warning(0x40000000));
    cr_assert_null(openssl_version_warning(OpenSSL_version_num()));
}

static SSL_CTX *context_of(const struct config_tls *tls)
{
    struct tls_error error = {""};
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    cr_assert(limits_use(ctx, tls));
    cr_assert(algorithms_use(ctx, tls, &error), "%s", error.text);
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
