/* Certificates and keys for tests, made in memory in well under a millisecond each: all keys are
 * P-256. Whatever cannot be made ends the test program with a message: a test goes on only with
 * what it asked for. Any thread, but one at a time per object. */
#ifndef ACTPASS_TESTS_SUPPORT_CERTS_H
#define ACTPASS_TESTS_SUPPORT_CERTS_H

#include "config/config.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- One certificate and its key ------------------------------------------------------------ */

struct test_identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* what stands between it and the root, nearest first; may be empty */
};

/* What a certificate is to be; all zero is a self-signed one without names, valid now. */
struct test_identity_options {
    const struct test_identity *issuer;   /* NULL: self-signed */
    const struct test_identity *same_key; /* take this one's key; NULL: a new one */
    const char *common_name;              /* NULL: "test" */
    const char *names; /* subjectAltName as in openssl.cnf: "DNS:a.example,IP:127.0.0.1,URI:..." */
    const char *raw_dns; /* further dNSName of any bytes, so that it may hold NUL */
    size_t raw_dns_size;
    const char *usage;       /* extendedKeyUsage: "serverAuth", "clientAuth" or both; NULL: none */
    const char *constraints; /* nameConstraints of a CA: "permitted;DNS:.example" */
    bool ca;
    long from_s, until_s; /* validity in seconds from now; both 0: an hour ago to tomorrow */
};

/* Copies what it needs: the issuer may be freed before. */
struct test_identity *test_identity_new(const struct test_identity_options *options);
void test_identity_free(struct test_identity *identity); /* NULL is fine */

struct test_identity *test_ca_new(const char *common_name);
struct test_identity *test_leaf_new(const struct test_identity *issuer, const char *names);

/* "sha256:" and 64 hex digits, as in peer_pins. Written to a buffer of at least 72 bytes, which is
 * also returned. */
char *test_identity_pin(const struct test_identity *identity, char *buffer);

/* A name and a pin as a configuration has them; NULL: empty ones. The name borrows its text. */
struct config_peer_name test_peer_name(const char *text);
struct config_pin test_pin(const char *text);

/* ---- Files ------------------------------------------------------------------------------------
 * In a folder of their own below $TMPDIR or /tmp. The paths that are returned live as long as the
 * folder. */

struct test_folder;

struct test_folder *test_folder_new(void);
void test_folder_free(struct test_folder *folder); /* removes the files and the folder */

const char *test_folder_path(struct test_folder *folder, const char *name); /* writes nothing */
const char *test_write_text(struct test_folder *folder, const char *name, const char *text);
/* The certificate, then its chain. */
const char *test_write_certificate(struct test_folder *folder, const char *name,
                                   const struct test_identity *identity);
/* Mode 0600. With a passphrase: encrypted; NULL: plain. */
const char *test_write_key(struct test_folder *folder, const char *name,
                           const struct test_identity *identity, const char *passphrase);

/* Certificate revocation lists in one PEM file. */
struct test_crl {
    const struct test_identity *issuer;
    const struct test_identity *revoked[3]; /* NULL: no more */
    long from_s, until_s; /* in seconds from now; both 0: an hour ago to tomorrow */
};
const char *test_write_crls(struct test_folder *folder, const char *name,
                            const struct test_crl *lists, size_t count);

/* ---- All that two ends need -------------------------------------------------------------------
 * One CA and two certificates of it, good in both roles: ends[0] is "left.example", ends[1]
 * "right.example"; both carry 127.0.0.1 too. An end trusts `ca` and expects the other's name. */

struct test_end {
    const char *name, *certificate, *key; /* certificate and key are files */
    char pin[72];
};

struct test_pair {
    struct test_folder *folder;
    const char *ca; /* file */
    struct test_end ends[2];
};

struct test_pair *test_pair_new(void);
void test_pair_free(struct test_pair *pair);

#endif
