/* Versions, sizes and algorithms of an SSL_CTX. */
#include "server/lib/tls/limits.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Options and limits -------------------------------------------------------------------- */

/* OpenSSL 3.2 and later offer certificate compression (RFC 8879) by default, where they were built
 * with zlib, brotli or zstd. A compressed certificate list is not measured by max_certificate_list:
 * OpenSSL allocates as much as the peer names (CVE-2025-66199). */
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
static const uint64_t no_certificate_compression =
    SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#else
static const uint64_t no_certificate_compression = 0;
#endif

static void set_options(SSL_CTX *ctx)
{
    /* Options that openssl.cnf sets are cleared first: a truncated stream must never look like a
     * clean end (hazard 19), a peer must be able to renegotiate safely or not at all (hazard 23),
     * and the extended master secret stays on (RFC 7627). */
    SSL_CTX_clear_options(ctx, SSL_CTX_get_options(ctx));
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_MIDDLEBOX_COMPAT |
                                 SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION |
                                 no_certificate_compression);
    /* AUTO_RETRY: a read goes on over records without data until there is some or the BIO says
     * retry, which suits a blocking BIO and, since we wait on the relay and not on the socket, a
     * non-blocking one. A repeated write may come from another buffer. No ENABLE_PARTIAL_WRITE:
     * existing blocking code counts on all or nothing. */
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
}

/* Without an explicit minimum a TLS 1.1 hello is answered with internal_error (hazard 45). The
 * maximum is left to openssl.cnf, which cannot bring it below the minimum. */
static bool set_versions(SSL_CTX *ctx, enum config_tls_version min)
{
    return SSL_CTX_set_min_proto_version(ctx, min == CONFIG_TLS_1_3 ? TLS1_3_VERSION
                                                                    : TLS1_2_VERSION) == 1;
}

bool limits_use(SSL_CTX *ctx, const struct config_tls *tls)
{
    set_options(ctx);
    SSL_CTX_set_max_cert_list(ctx, tls->max_certificate_list ? (long)tls->max_certificate_list
                                                             : CONFIG_CERTIFICATE_LIST_DEFAULT);
    SSL_CTX_set_verify_depth(ctx, tls->verify_depth ? (int)tls->verify_depth
                                                    : CONFIG_VERIFY_DEPTH_DEFAULT);
    SSL_CTX_set_security_level(ctx, LIMITS_SECURITY_LEVEL);
    /* A common name that is taken for a host name by peer_names "cn:" is bound by name constraints,
     * too, also where there is a subjectAltName (hazard 57). */
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
    return set_versions(ctx, tls->min_version);
}

/* ---- Algorithms ---------------------------------------------------------------------------- */

static const char default_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char default_suites[] =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
/* The defaults of OpenSSL 3.5, with two key shares, and of 3.0. */
static const char hybrid_groups[] =
    "?*X25519MLKEM768/?*X25519:?secp256r1/?X448:?secp384r1:?secp521r1";
static const char classic_groups[] = "X25519:P-256:X448:P-521:P-384";
static const char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    "rsa_pss_pss_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:"
    "RSA+SHA384:RSA+SHA512";

/* The list without what proves nothing (aNULL) or hides nothing (eNULL), whatever it says. */
static bool set_cipher_list(SSL_CTX *ctx, const char *ciphers, struct error_text *error)
{
    char *list = NULL;
    if (asprintf(&list, "%s:!aNULL:!eNULL", ciphers) < 0)
        return error_set(error, "out of memory for ciphers");
    bool set = SSL_CTX_set_cipher_list(ctx, list) == 1;
    free(list);
    return set ||
           error_set(error,
                     "ciphers \"%s\" leaves no cipher with encryption and authentication that "
                     "OpenSSL knows: see openssl ciphers -v -tls1_2",
                     ciphers);
}

static bool set_suites(SSL_CTX *ctx, const char *suites, struct error_text *error)
{
    return (*suites && SSL_CTX_set_ciphersuites(ctx, suites) == 1) ||
           error_set(error,
                     "ciphersuites \"%s\" has a name that OpenSSL does not know: see openssl "
                     "ciphers -v -tls1_3 -s",
                     suites);
}

/* By version, and not by whether SSL_CTX_set1_groups_list succeeds: OpenSSL 3.3 and 3.4 know "?"
 * but not "*" and "/". They skip the names that they cannot read and would offer P-384 and P-521
 * alone. */
const char *limits_default_groups(unsigned long version)
{
    enum { FIRST_WITH_TUPLES = 0x30500000 };
    return version >= FIRST_WITH_TUPLES ? hybrid_groups : classic_groups;
}

static bool set_default_groups(SSL_CTX *ctx)
{
    return SSL_CTX_set1_groups_list(ctx, limits_default_groups(OpenSSL_version_num())) == 1;
}

static bool set_groups(SSL_CTX *ctx, const char *groups, struct error_text *error)
{
    if (!groups)
        return set_default_groups(ctx) ||
               error_set(error, "groups: this OpenSSL does not take its default groups");
    return SSL_CTX_set1_groups_list(ctx, groups) == 1 ||
           error_set(error,
                     "groups \"%s\" has a name that this OpenSSL does not know: use such as "
                     "X25519, P-256 or, from OpenSSL 3.5 on, X25519MLKEM768, with colons between",
                     groups);
}

bool limits_use_algorithms(SSL_CTX *ctx, const struct config_tls *tls, struct error_text *error)
{
    return set_cipher_list(ctx, tls->ciphers ? tls->ciphers : default_ciphers, error) &&
           set_suites(ctx, tls->ciphersuites ? tls->ciphersuites : default_suites, error) &&
           set_groups(ctx, tls->groups, error) &&
           (SSL_CTX_set1_sigalgs_list(ctx, signatures) == 1 ||
            error_set(error, "OpenSSL does not take the signature algorithms"));
}

bool limits_check_algorithms(const struct config_tls *tls, struct error_text *error)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    bool fine =
        ctx ? limits_use_algorithms(ctx, tls, error) : error_set(error, "out of memory for TLS");
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return fine;
}

/* ---- The version --------------------------------------------------------------------------- */

const char *limits_version_warning(unsigned long version)
{
    /* The first fixed patch of each minor version of OpenSSL 3; from 3.4 on all are. The same table
     * is in SConstruct. */
    static const unsigned fixed[] = {14, 6, 2, 1};
    unsigned major = (unsigned)(version >> 28), minor = (version >> 20) & 0xff;
    unsigned patch = (version >> 4) & 0xff;
    if (major != 3 || minor >= sizeof(fixed) / sizeof(*fixed) || patch >= fixed[minor])
        return NULL;
    return "this OpenSSL has CVE-2024-2511 and CVE-2024-4741, which peers can reach: install "
           "3.0.14, "
           "3.1.6, 3.2.2, 3.3.1 or later";
}
