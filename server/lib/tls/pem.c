#include "server/lib/tls/pem.h"

#include "config/private_file.h"
#include "server/lib/tls/store_key.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

/* ---- Sources ------------------------------------------------------------------------------ */

const char *pem_name(const struct pem_source *source)
{
    return source->in_memory ? "in memory" : source->text;
}

/* The noun of the remedy. */
static const char *form_of(const struct pem_source *source)
{
    return source->in_memory ? "text" : "file";
}

static void report_short(const struct pem_source *source, struct error_text *error)
{
    ERR_clear_error();
    error_set(error, "out of memory for %s %s", source->what, pem_name(source));
}

static BIO *open_memory(const struct pem_source *source, struct error_text *error)
{
    size_t size = strlen(source->text);
    BIO *bio = size <= INT_MAX ? BIO_new_mem_buf(source->text, (int)size) : NULL;
    if (!bio)
        report_short(source, error);
    return bio;
}

static BIO *open_file(const struct pem_source *source, struct error_text *error)
{
    char text[128];
    FILE *file = fopen(source->text, "re");
    if (!file) {
        error_set(error, "%s %s cannot be read: %s", source->what, source->text,
                  strerror_r(errno, text, sizeof(text)));
        return NULL;
    }
    BIO *bio = BIO_new_fp(file, BIO_CLOSE);
    if (!bio) {
        (void)fclose(file);
        report_short(source, error);
    }
    return bio;
}

static BIO *open_source(const struct pem_source *source, struct error_text *error)
{
    return source->in_memory ? open_memory(source, error) : open_file(source, error);
}

/* Writes the error and returns true if reading failed for lack of memory, not because of the text.
 * An empty error queue means that OpenSSL had no memory for an entry. Empties the queue; *REASON is
 * what OpenSSL said. */
static bool report_no_memory(const struct pem_source *source, const char **reason,
                             struct error_text *error)
{
    bool silent = ERR_peek_error() == 0;
    bool was_short = openssl_take_memory_error(reason);
    if (!silent && !was_short)
        return false;
    report_short(source, error);
    return true;
}

/* Did reading stop because there is no further block of this kind? */
static bool is_at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* For what is never encrypted. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* ---- Certificates and lists ---------------------------------------------------------------- */

static bool read_certificates(BIO *bio, STACK_OF(X509) * certificates)
{
    X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    while (certificate) {
        if (sk_X509_push(certificates, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
        certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    }
    return is_at_end();
}

STACK_OF(X509) * pem_certificates(const struct pem_source *source, struct error_text *error)
{
    ERR_clear_error();
    BIO *bio = open_source(source, error);
    if (!bio)
        return NULL;
    STACK_OF(X509) *certificates = sk_X509_new_null();
    bool fine = certificates && read_certificates(bio, certificates);
    const char *reason;
    BIO_free(bio);
    if (!fine && !report_no_memory(source, &reason, error))
        error_set(error,
                  "%s %s holds a certificate that cannot be read (%s): give a PEM %s that is whole",
                  source->what, pem_name(source), reason, form_of(source));
    else if (fine && sk_X509_num(certificates) == 0)
        error_set(error, "%s %s holds no certificate: give a PEM %s with BEGIN CERTIFICATE",
                  source->what, pem_name(source), form_of(source));
    ERR_clear_error();
    if (fine && sk_X509_num(certificates) > 0)
        return certificates;
    sk_X509_pop_free(certificates, X509_free);
    return NULL;
}

static bool read_crls(BIO *bio, STACK_OF(X509_CRL) * lists)
{
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL);
    while (list) {
        if (sk_X509_CRL_push(lists, list) <= 0) {
            X509_CRL_free(list);
            return false;
        }
        list = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL);
    }
    return is_at_end();
}

STACK_OF(X509_CRL) * pem_crls(const char *path, struct error_text *error)
{
    const struct pem_source source = {.what = "crl", .text = path};
    ERR_clear_error();
    BIO *bio = open_source(&source, error);
    if (!bio)
        return NULL;
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    bool fine = lists && read_crls(bio, lists);
    const char *reason;
    BIO_free(bio);
    if (!fine && !report_no_memory(&source, &reason, error))
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

/* ---- Keys ----------------------------------------------------------------------------------- */

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

static BIO *open_key(const struct pem_source *source, struct error_text *error)
{
    BIO *bio = open_source(source, error);
    if (!bio || source->in_memory || is_private(bio, source->text, error))
        return bio;
    BIO_free(bio);
    return NULL;
}

static void report_no_key(const struct pem_source *source, struct error_text *error)
{
    error_set(error,
              "key %s holds no private key that can be read: give a PEM %s with BEGIN PRIVATE KEY",
              pem_name(source), form_of(source));
}

static void report_bad_key(const struct pem_source *source, const struct passphrase *passphrase,
                           struct error_text *error)
{
    const char *reason;
    struct error_text remedy;
    if (source->in_memory)
        error_set(&remedy, "give the key without one, or a callback for passphrases");
    else
        error_set(&remedy,
                  "name a file with the passphrase in \"key_passphrase_file\", or give the key "
                  "without one, as openssl pkey -in %s -out NEW makes it",
                  source->text);
    if (passphrase_was_missing(passphrase, remedy.text, error) ||
        report_no_memory(source, &reason, error))
        return;
    if (passphrase->asked)
        passphrase_report_wrong(passphrase, error);
    else
        report_no_key(source, error);
}

static EVP_PKEY *read_key(const struct pem_source *source, const struct pem_passphrase *from,
                          struct error_text *error)
{
    struct passphrase passphrase = {.source = from, .key = pem_name(source)};
    store_key_show(passphrase.key, &passphrase.shown);
    BIO *bio = open_key(source, error);
    if (!bio)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, passphrase_give, &passphrase);
    BIO_free(bio);
    if (!key)
        report_bad_key(source, &passphrase, error);
    passphrase_forget(&passphrase);
    return key;
}

EVP_PKEY *pem_key(const struct pem_source *source, const struct pem_passphrase *passphrase,
                  struct error_text *error)
{
    ERR_clear_error();
    EVP_PKEY *key = !source->in_memory && store_key_is(source->text)
                        ? store_key_load(source->text, passphrase, error)
                        : read_key(source, passphrase, error);
    ERR_clear_error();
    return key;
}

static bool names_key(const char *name)
{
    static const char ending[] = "PRIVATE KEY";
    size_t length = strlen(name), at = sizeof(ending) - 1;
    return length >= at && strcmp(name + length - at, ending) == 0;
}

/* Looks for a block with such a name. */
static bool find_key(BIO *bio)
{
    char *name, *header;
    unsigned char *data;
    long size;
    bool found = false;
    while (!found && PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
        found = names_key(name);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)size);
    }
    return found;
}

bool pem_has_key(const struct pem_source *source, struct error_text *error)
{
    ERR_clear_error();
    BIO *bio = open_memory(source, error);
    if (!bio)
        return false;
    bool found = find_key(bio);
    if (!found)
        report_no_key(source, error);
    BIO_free(bio);
    ERR_clear_error();
    return found;
}
