#include "server/lib/tls/pem.h"

#include "config/private_file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

/* Replaces OpenSSL's callback, which asks on the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static BIO *open_file(const char *what, const char *path, struct error_text *error)
{
    char text[128];
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(error, "%s %s cannot be read: %s", what, path,
                  strerror_r(errno, text, sizeof(text)));
        return NULL;
    }
    BIO *bio = BIO_new_fp(file, BIO_CLOSE);
    if (!bio) {
        (void)fclose(file);
        ERR_clear_error();
        error_set(error, "out of memory for %s %s", what, path);
    }
    return bio;
}

/* Writes the error and returns true if reading failed for lack of memory, not because of the file.
 * An empty error queue means that OpenSSL had no memory for an entry. Empties the queue; *REASON is
 * what OpenSSL said. */
static bool report_no_memory(const char *what, const char *path, const char **reason,
                             struct error_text *error)
{
    bool silent = ERR_peek_error() == 0;
    bool was_short = openssl_take_memory_error(reason);
    if (!silent && !was_short)
        return false;
    error_set(error, "out of memory for %s %s", what, path);
    return true;
}

/* Did reading stop because the file has no further block of this kind? */
static bool is_at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool read_certificates(BIO *bio, STACK_OF(X509) * certificates)
{
    bool asked = false;
    X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &asked);
    while (certificate) {
        if (sk_X509_push(certificates, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
        certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, &asked);
    }
    return is_at_end();
}

STACK_OF(X509) * pem_certificates(const char *what, const char *path, struct error_text *error)
{
    ERR_clear_error();
    BIO *bio = open_file(what, path, error);
    if (!bio)
        return NULL;
    STACK_OF(X509) *certificates = sk_X509_new_null();
    bool fine = certificates && read_certificates(bio, certificates);
    const char *reason;
    BIO_free(bio);
    if (!fine && !report_no_memory(what, path, &reason, error))
        error_set(error,
                  "%s %s holds a certificate that cannot be read (%s): give a PEM file that "
                  "is whole",
                  what, path, reason);
    else if (fine && sk_X509_num(certificates) == 0)
        error_set(error, "%s %s holds no certificate: give a PEM file with BEGIN CERTIFICATE", what,
                  path);
    ERR_clear_error();
    if (fine && sk_X509_num(certificates) > 0)
        return certificates;
    sk_X509_pop_free(certificates, X509_free);
    return NULL;
}

static bool read_crls(BIO *bio, STACK_OF(X509_CRL) * lists)
{
    bool asked = false;
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, &asked);
    while (list) {
        if (sk_X509_CRL_push(lists, list) <= 0) {
            X509_CRL_free(list);
            return false;
        }
        list = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, &asked);
    }
    return is_at_end();
}

STACK_OF(X509_CRL) * pem_crls(const char *path, struct error_text *error)
{
    ERR_clear_error();
    BIO *bio = open_file("crl", path, error);
    if (!bio)
        return NULL;
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    bool fine = lists && read_crls(bio, lists);
    const char *reason;
    BIO_free(bio);
    if (!fine && !report_no_memory("crl", path, &reason, error))
        error_set(error,
                  "crl %s holds a revocation list that cannot be read (%s): give a PEM file that "
                  "is whole",
                  path, reason);
    else if (fine && sk_X509_CRL_num(lists) == 0)
        error_set(error, "crl %s holds no revocation list: give a PEM file with BEGIN X509 CRL",
                  path);
    ERR_clear_error();
    if (fine && sk_X509_CRL_num(lists) > 0)
        return lists;
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    return NULL;
}

/* Checks the open file, since its path may name another file by now. */
static bool is_private(BIO *bio, const char *path, struct error_text *error)
{
    FILE *file = NULL;
    struct stat status;
    if (BIO_get_fp(bio, &file) != 1 || fstat(fileno(file), &status) != 0)
        return error_set(error, "key %s cannot be looked at", path);
    const char *others = private_file_open_to(&status);
    return !others || error_set(error,
                                "key %s is a private key, and %s may read or write it: "
                                "chmod 600 %s",
                                path, others, path);
}

static BIO *open_key(const char *path, struct error_text *error)
{
    BIO *bio = open_file("key", path, error);
    if (!bio || is_private(bio, path, error))
        return bio;
    BIO_free(bio);
    return NULL;
}

EVP_PKEY *pem_key(const char *path, struct error_text *error)
{
    bool asked = false;
    ERR_clear_error();
    BIO *bio = open_key(path, error);
    if (!bio)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    const char *reason;
    BIO_free(bio);
    if (!key && asked)
        error_set(error,
                  "key %s is protected by a passphrase, which actpass does not ask for: give "
                  "the key without one, as openssl pkey -in %s -out NEW makes it",
                  path, path);
    else if (!key && !report_no_memory("key", path, &reason, error))
        error_set(error,
                  "key %s holds no private key that can be read: give a PEM file with BEGIN "
                  "PRIVATE KEY",
                  path);
    ERR_clear_error();
    return key;
}
