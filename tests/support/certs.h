/* Certificates and keys for tests, made in memory. All keys are P-256, which takes less than a
 * millisecond each. Every failure ends the test program with a message, so no result need be
 * checked. Any thread may call, but only one at a time on the same object. */
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
    STACK_OF(X509) * chain; /* the intermediate CAs, the issuer first; may be empty */
};

/* What the certificate contains. All zero: self-signed, without names, valid now. */
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

/* Copies what it needs, so the issuer may be freed first. */
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
 * In a new folder below $TMPDIR or /tmp. Returned paths are valid until the folder is freed. */

struct test_folder;

struct test_folder *test_folder_new(void);
void test_folder_free(struct test_folder *folder); /* removes the files and the folder */

const char *test_folder_path(struct test_folder *folder, const char *name); /* writes nothing */
const char *test_write_text(struct test_folder *folder, const char *name, const char *text);
/* The certificate, then its chain. */
const char *test_write_certificate(struct test_folder *folder, const char *name,
                                   const struct test_identity *identity);
/* Mode 0600. Encrypted if there is a passphrase; NULL: plain. */
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

/* ---- Two peers --------------------------------------------------------------------------------
 * One CA and two certificates that it issued, valid in both roles: ends[0] is "left.example",
 * ends[1] "right.example"; both also have the address 127.0.0.1. Each end trusts `ca` and expects
 * the other's name. */

struct test_end {
    const char *name, *certificate, *key; /* certificate and key are files */
    char pin[72];
};

struct test_pair {
    struct test_folder *folder;
    const char *ca;                  /* file */
    struct test_identity *authority; /* the CA itself */
    struct test_end ends[2];
};

struct test_pair *test_pair_new(void);
void test_pair_free(struct test_pair *pair);

#endif
