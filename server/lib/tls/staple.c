#include "server/lib/tls/staple.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_BYTES = 65536 };

struct staple {
    unsigned char bytes[MAX_BYTES];
    size_t size;
    ASN1_TIME *until; /* NULL: no limit */
    X509 *certificate;
};

/* ---- New and free -------------------------------------------------------------------------- */

static bool read_file(const char *path, struct staple *staple, struct error_text *error)
{
    char text[128];
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(error, "ocsp_response %s cannot be read: %s", path,
                         strerror_r(errno, text, sizeof(text)));
    staple->size = fread(staple->bytes, 1, MAX_BYTES, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return error_set(error, "ocsp_response %s cannot be read", path);
    return staple->size < MAX_BYTES ||
           error_set(error, "ocsp_response %s is too large to be an OCSP response", path);
}

/* The serial number alone is not enough: each CA has a number 1. */
static bool is_about(const OCSP_SINGLERESP *single, const X509 *certificate)
{
    ASN1_OCTET_STRING *issuer;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const OCSP_CERTID *about = OCSP_SINGLERESP_get0_id(single);
    if (OCSP_id_get0_info(&issuer, &algorithm, NULL, &serial, (OCSP_CERTID *)about) != 1)
        return false;
    const EVP_MD *md = EVP_get_digestbyobj(algorithm);
    return md && X509_NAME_digest(X509_get_issuer_name(certificate), md, digest, &size) == 1 &&
           (size_t)ASN1_STRING_length(issuer) == size &&
           memcmp(ASN1_STRING_get0_data(issuer), digest, size) == 0 &&
           ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0;
}

static OCSP_SINGLERESP *find(OCSP_BASICRESP *basic, const X509 *certificate)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (is_about(single, certificate))
            return single;
    }
    return NULL;
}

static bool is_over(const ASN1_TIME *until)
{
    return until && ASN1_TIME_cmp_time_t(until, time(NULL)) <= 0; /* -2: it cannot be read */
}

static bool check_basic(const char *path, OCSP_BASICRESP *basic, struct staple *staple,
                        struct error_text *error)
{
    ASN1_GENERALIZEDTIME *until = NULL;
    OCSP_SINGLERESP *single = basic ? find(basic, staple->certificate) : NULL;
    if (!single)
        return error_set(error,
                         "ocsp_response %s is not about certificate: ask the CA's OCSP server for "
                         "that one",
                         path);
    (void)OCSP_single_get0_status(single, NULL, NULL, NULL, &until);
    if (is_over(until))
        return error_set(error, "ocsp_response %s is out of date: fetch a new one", path);
    staple->until = until ? ASN1_STRING_dup(until) : NULL;
    return !until || staple->until || error_set(error, "out of memory for ocsp_response");
}

static bool check(const char *path, struct staple *staple, struct error_text *error)
{
    const unsigned char *at = staple->bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)staple->size);
    bool whole = response && at == staple->bytes + staple->size;
    bool fine = false;
    if (!whole)
        error_set(error, "ocsp_response %s holds no OCSP response: give one in DER form", path);
    else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        error_set(error, "ocsp_response %s is not an answer but a failure (%s): fetch a new one",
                  path, OCSP_response_status_str(OCSP_response_status(response)));
    else {
        OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
        fine = check_basic(path, basic, staple, error);
        OCSP_BASICRESP_free(basic);
    }
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return fine;
}

void staple_free(struct staple *staple)
{
    if (!staple)
        return;
    ASN1_STRING_free(staple->until);
    X509_free(staple->certificate);
    free(staple);
}

struct staple *staple_new(const char *path, X509 *certificate, struct error_text *error)
{
    struct staple *staple = calloc(1, sizeof(*staple));
    if (!staple) {
        error_set(error, "out of memory for ocsp_response");
        return NULL;
    }
    X509_up_ref(certificate);
    staple->certificate = certificate;
    if (read_file(path, staple, error) && check(path, staple, error))
        return staple;
    staple_free(staple);
    return NULL;
}

/* ---- Use ----------------------------------------------------------------------------------- */

static int show(SSL *ssl, void *arg)
{
    const struct staple *staple = arg;
    const X509 *shown = SSL_get_certificate(ssl);
    if (!shown || X509_cmp(shown, staple->certificate) != 0 || is_over(staple->until))
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(staple->bytes, staple->size);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->size); /* which frees it */
    return SSL_TLSEXT_ERR_OK;
}

void staple_use(struct staple *staple, SSL_CTX *ctx)
{
    (void)SSL_CTX_set_tlsext_status_cb(ctx, show);
    (void)SSL_CTX_set_tlsext_status_arg(ctx, staple);
}
