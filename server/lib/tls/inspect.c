#include "server/lib/tls/inspect.h"

#include "config/certificate_folder.h"
#include "server/lib/tls/identity.h"
#include "server/lib/tls/limits.h"
#include "server/lib/tls/pem.h"
#include "server/lib/tls/staple.h"
#include "server/lib/tls/store_key.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DAY = 86400, KEY_MAX = 64, SOON_DAYS = 14, SOON_PART = 4 };

/* ---- Findings ------------------------------------------------------------------------------- */

static void note_error(const struct inspection *inspection, const char *key,
                       const struct error_text *error)
{
    inspection->note(CONFIG_ERROR, key, error->text, inspection->arg);
}

__attribute__((format(printf, 3, 4))) static void warn(const struct inspection *inspection,
                                                       const char *key, const char *format, ...)
{
    struct error_text text;
    va_list arguments;
    va_start(arguments, format);
    error_vset(&text, format, arguments);
    va_end(arguments);
    inspection->note(CONFIG_WARNING, key, text.text, inspection->arg);
}

/* Is there a file to look at? What is not there was reported. */
static bool is_regular(const char *path)
{
    struct stat status;
    return path && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* ---- Our own certificates ------------------------------------------------------------------- */

/* A certificate with its key, and where they are in the configuration. */
struct own {
    const char *certificate, *key, *passphrase_file;
    char certificate_key[KEY_MAX], key_key[KEY_MAX];
};

/* "2026-11-27". */
struct date {
    char text[16];
};

static struct date date_of(const ASN1_TIME *time)
{
    struct date date = {"?"};
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) == 1)
        (void)strftime(date.text, sizeof(date.text), "%Y-%m-%d", &parts);
    return date;
}

/* Seconds from one time to another; NULL is now. */
static int64_t seconds_between(const ASN1_TIME *from, const ASN1_TIME *to)
{
    int days = 0, seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, from, to) != 1)
        return 0;
    return (int64_t)days * DAY + seconds;
}

/* A certificate of few days is renewed late, and not dubious two weeks before. */
static bool is_soon(int64_t left, int64_t lifetime)
{
    return left < (int64_t)SOON_DAYS * DAY && left < lifetime / SOON_PART;
}

static void check_time(const struct inspection *inspection, const struct own *own,
                       const X509 *certificate)
{
    const ASN1_TIME *begin = X509_get0_notBefore(certificate);
    const ASN1_TIME *end = X509_get0_notAfter(certificate);
    int64_t left = seconds_between(NULL, end);
    if (left < 0)
        warn(inspection, own->certificate_key,
             "certificate %s has expired on %s (UTC), so peers refuse it: renew it",
             own->certificate, date_of(end).text);
    else if (seconds_between(NULL, begin) > 0)
        warn(inspection, own->certificate_key,
             "certificate %s is valid from %s (UTC) on, so peers refuse it until then: is the "
             "clock right?",
             own->certificate, date_of(begin).text);
    else if (is_soon(left, seconds_between(begin, end)))
        warn(inspection, own->certificate_key,
             "certificate %s expires on %s (UTC), in %lld days: renew it", own->certificate,
             date_of(end).text, (long long)(left / DAY));
}

static bool has_issuer_url(X509 *certificate)
{
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
        found = found ||
                OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access, i)->method) == NID_ad_ca_issuers;
    AUTHORITY_INFO_ACCESS_free(access);
    return found;
}

/* A certificate that says where its issuer's can be fetched has an intermediate one, which peers
 * need. Others may well come from a CA that peers have. */
static void check_chain(const struct inspection *inspection, const struct own *own,
                        const STACK_OF(X509) * certificates)
{
    X509 *first = sk_X509_value(certificates, 0);
    bool issued = X509_check_issued(first, first) == X509_V_OK;
    for (int i = 1; i < sk_X509_num(certificates); i++)
        issued = issued || X509_check_issued(sk_X509_value(certificates, i), first) == X509_V_OK;
    if (issued)
        return;
    if (sk_X509_num(certificates) > 1)
        warn(inspection, own->certificate_key,
             "certificate %s holds further certificates, and none of them issued the first one: "
             "put its chain behind it",
             own->certificate);
    else if (has_issuer_url(first))
        warn(inspection, own->certificate_key,
             "certificate %s holds no chain, so many peers cannot verify it: put the intermediate "
             "certificates of its CA behind it (often in fullchain.pem)",
             own->certificate);
}

/* TLS 1.3 and each cipher that we offer in TLS 1.2 sign. A certificate without the extension may be
 * used for anything. */
static void check_usage(const struct inspection *inspection, const struct own *own, X509 *first)
{
    enum { SERVER_OR_CLIENT = XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_ANYEKU };
    if ((X509_get_key_usage(first) & KU_DIGITAL_SIGNATURE) == 0)
        warn(inspection, own->certificate_key,
             "certificate %s must not sign by its keyUsage, which TLS needs, so many peers refuse "
             "it: have one made with digitalSignature",
             own->certificate);
    if ((X509_get_extended_key_usage(first) & SERVER_OR_CLIENT) == 0)
        warn(inspection, own->certificate_key,
             "certificate %s is for neither TLS servers nor TLS clients by its extendedKeyUsage, "
             "so peers refuse it: have one made with serverAuth, clientAuth or both",
             own->certificate);
}

/* Is the certificate strong enough, for example? */
static void check_use(const struct inspection *inspection, const struct own *own,
                      const STACK_OF(X509) * certificates, EVP_PKEY *key)
{
    struct error_text error;
    STACK_OF(X509) *chain = sk_X509_dup(certificates);
    const struct identity identity = {sk_X509_shift(chain), chain, key, own->certificate};
    if (chain && !identity_try(&identity, &error))
        note_error(inspection, own->certificate_key, &error);
    sk_X509_free(chain);
}

/* False if they do not match, which was reported. */
static bool check_match(const struct inspection *inspection, const struct own *own,
                        X509 *certificate, EVP_PKEY *key)
{
    struct error_text error, name;
    if (X509_check_private_key(certificate, key) == 1)
        return true;
    store_key_show(own->key, &name);
    error_set(&error,
              "key %s does not match certificate %s: give the key that the certificate was made "
              "for, and that certificate first in its file",
              name.text, own->certificate);
    note_error(inspection, own->key_key, &error);
    return false;
}

static bool was_refused(const struct inspect_refused *refused, const char *file)
{
    for (size_t i = 0; file && i < refused->count; i++)
        if (strcmp(refused->files[i], file) == 0)
            return true;
    return false;
}

static void note_refused(struct inspect_refused *refused, const char *file)
{
    if (file && refused->count < INSPECT_REFUSED_MAX)
        refused->files[refused->count++] = file;
}

/* NULL with ERROR. */
static EVP_PKEY *load_store_key(const struct inspection *inspection, const struct own *own,
                                struct error_text *error)
{
    const struct pem_passphrase passphrase = {.file = own->passphrase_file};
    struct error_text name;
    if (was_refused(inspection->refused, own->passphrase_file)) {
        store_key_show(own->key, &name);
        error_set(
            error,
            "key %s was not tried: the passphrase in %s is wrong for another key, and a token "
            "locks after a few wrong ones",
            name.text, own->passphrase_file);
        return NULL;
    }
    EVP_PKEY *key = store_key_load(own->key, &passphrase, error);
    if (!key && error->code == ERROR_PASSPHRASE)
        note_refused(inspection->refused, own->passphrase_file);
    return key;
}

static EVP_PKEY *load_key(const struct inspection *inspection, const struct own *own)
{
    const struct pem_passphrase passphrase = {.file = own->passphrase_file};
    const struct pem_source source = {.what = "key", .text = own->key};
    struct error_text error;
    bool stored = own->key && store_key_is(own->key);
    if (!own->key || (!stored && !is_regular(own->key)))
        return NULL;
    EVP_PKEY *key =
        stored ? load_store_key(inspection, own, &error) : pem_key(&source, &passphrase, &error);
    if (!key)
        note_error(inspection, own->key_key, &error);
    return key;
}

/* The caller frees them with sk_X509_pop_free; NULL if there are none. */
static STACK_OF(X509) * load_certificates(const struct inspection *inspection, const char *what,
                                          const char *key, const char *path)
{
    const struct pem_source source = {.what = what, .text = path};
    struct error_text error;
    if (!is_regular(path))
        return NULL;
    STACK_OF(X509) *certificates = pem_certificates(&source, &error);
    if (!certificates)
        note_error(inspection, key, &error);
    return certificates;
}

static void check_staple(const struct inspection *inspection, const char *path, X509 *certificate)
{
    struct error_text error;
    if (!is_regular(path))
        return;
    struct staple *staple = staple_new(path, certificate, &error);
    if (!staple)
        note_error(inspection, "tls/ocsp_response", &error);
    staple_free(staple);
}

/* OCSP_RESPONSE may be NULL. */
static void check_own(const struct inspection *inspection, const struct own *own,
                      const char *ocsp_response)
{
    STACK_OF(X509) *certificates =
        load_certificates(inspection, "certificate", own->certificate_key, own->certificate);
    EVP_PKEY *key = load_key(inspection, own);
    X509 *first = certificates ? sk_X509_value(certificates, 0) : NULL;
    if (first && key && check_match(inspection, own, first, key))
        check_use(inspection, own, certificates, key);
    if (first) {
        check_time(inspection, own, first);
        check_usage(inspection, own, first);
        check_chain(inspection, own, certificates);
        check_staple(inspection, ocsp_response, first);
    }
    EVP_PKEY_free(key);
    sk_X509_pop_free(certificates, X509_free);
}

/* PREFIX is where the two keys are. */
static struct own own_of(const char *prefix, const struct config_certificate *files)
{
    struct own own = {files->certificate, files->key, files->key_passphrase_file, "", ""};
    (void)snprintf(own.certificate_key, sizeof(own.certificate_key), "%s/certificate", prefix);
    (void)snprintf(own.key_key, sizeof(own.key_key), "%s/key", prefix);
    return own;
}

static void check_folder(const struct inspection *inspection, const char *prefix,
                         const char *folder)
{
    struct certificate_folder list = {.items = NULL};
    if (certificate_folder_read(folder, &list) != 0)
        return; /* reported when it is loaded */
    for (size_t i = 0; i < list.count; i++) {
        struct error_text error;
        const struct own own = own_of(prefix, &list.items[i]);
        if (certificate_folder_has_key(&list.items[i], &error))
            check_own(inspection, &own, NULL);
        else
            note_error(inspection, own.certificate_key, &error);
    }
    certificate_folder_free(&list);
}

static void check_chosen(const struct inspection *inspection, const char *prefix,
                         const struct config_certificate *files)
{
    const struct own own = own_of(prefix, files);
    if (!files->in_memory && certificate_folder_is(files->certificate))
        check_folder(inspection, prefix, files->certificate);
    else if (!files->in_memory)
        check_own(inspection, &own, NULL);
}

static void check_all_own(const struct inspection *inspection, const struct config_tls *tls)
{
    char prefix[KEY_MAX];
    const struct config_certificate files = {.certificate = tls->certificate,
                                             .key = tls->key,
                                             .key_passphrase_file = tls->key_passphrase_file};
    const struct own own = own_of("tls", &files);
    if (!tls->own_in_memory)
        check_own(inspection, &own, tls->ocsp_response);
    for (size_t i = 0; i < tls->certificate_count; i++) {
        (void)snprintf(prefix, sizeof(prefix), "tls/certificates/%zu", i);
        check_chosen(inspection, prefix, &tls->certificates[i]);
    }
}

/* ---- The rest ------------------------------------------------------------------------------- */

static void check_crl(const struct inspection *inspection, const char *path)
{
    struct error_text error;
    STACK_OF(X509_CRL) *lists = is_regular(path) ? pem_crls(path, &error) : NULL;
    if (!lists && is_regular(path))
        note_error(inspection, "tls/crl", &error);
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
}

/* The error begins with the key. */
static void check_algorithms(const struct inspection *inspection, const struct config_tls *tls)
{
    char key[KEY_MAX];
    struct error_text error;
    if (limits_check_algorithms(tls, &error))
        return;
    (void)snprintf(key, sizeof(key), "tls/%.*s", (int)strcspn(error.text, " :"), error.text);
    note_error(inspection, key, &error);
}

void inspect_tls(const struct config_tls *tls, const struct inspection *inspection)
{
    check_all_own(inspection, tls);
    if (!tls->ca_in_memory)
        sk_X509_pop_free(load_certificates(inspection, "ca", "tls/ca", tls->ca), X509_free);
    check_crl(inspection, tls->crl);
    check_algorithms(inspection, tls);
    ERR_clear_error();
}
