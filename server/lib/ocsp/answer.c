#include "server/lib/ocsp/answer.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SKEW_S = 300,
    WITHOUT_LIMIT_S = 3600,
    AGE_WITHOUT_LIMIT_S = 86400,
    ANY_AGE = -1,
    LEFT_MIN_S = 60
};

/* ---- Whose it is ---------------------------------------------------------------------------- */

static bool is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer)
{
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *about = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
    if (OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, about) != 1)
        return false;
    const EVP_MD *digest = EVP_get_digestbyobj(algorithm);
    OCSP_CERTID *ours = digest ? OCSP_cert_to_id(digest, certificate, issuer) : NULL;
    bool same = ours && OCSP_id_cmp(ours, about) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

static OCSP_SINGLERESP *find(OCSP_BASICRESP *basic, X509 *certificate, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (is_about(single, certificate, issuer))
            return single;
    }
    return NULL;
}

/* ---- Is it signed by somebody who may? ------------------------------------------------------ */

/* The issuer alone is trusted, whether it is a root or not. */
static bool is_signed(OCSP_BASICRESP *basic, X509 *issuer)
{
    bool signed_by_it = false;
    X509_STORE *trusted = X509_STORE_new();
    STACK_OF(X509) *candidates = sk_X509_new_null();
    if (trusted && candidates && X509_STORE_add_cert(trusted, issuer) == 1 &&
        X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
        sk_X509_push(candidates, issuer) > 0)
        signed_by_it = OCSP_basic_verify(basic, candidates, trusted, 0) == 1;
    sk_X509_free(candidates);
    X509_STORE_free(trusted);
    return signed_by_it;
}

/* ---- What it says --------------------------------------------------------------------------- */

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts = {0};
    return time && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static bool read_single(struct ocsp_answer *answer, OCSP_SINGLERESP *single,
                        struct error_text *error)
{
    int reason;
    ASN1_GENERALIZEDTIME *revoked, *from = NULL, *until = NULL;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);
    /* Without a nextUpdate, a response could be replayed for ever, after a revocation, too. */
    if (OCSP_check_validity(from, until, SKEW_S, until ? ANY_AGE : AGE_WITHOUT_LIMIT_S) != 1)
        return error_set(error, "its response is not current: it is out of date, or the clock is "
                                "wrong");
    int64_t now = (int64_t)time(NULL);
    answer->from_s = seconds_of(from);
    answer->until_s = seconds_of(until);
    if (!until)
        answer->until_s = (answer->from_s > now ? answer->from_s : now) + WITHOUT_LIMIT_S;
    if (answer->until_s < now + LEFT_MIN_S)
        answer->until_s = now + LEFT_MIN_S;
    answer->status = OCSP_NOT_KNOWN;
    if (status == V_OCSP_CERTSTATUS_GOOD)
        answer->status = OCSP_GOOD;
    else if (status == V_OCSP_CERTSTATUS_REVOKED)
        answer->status = OCSP_REVOKED;
    return true;
}

static bool read_basic(struct ocsp_answer *answer, OCSP_BASICRESP *basic, X509 *certificate,
                       X509 *issuer, struct error_text *error)
{
    OCSP_SINGLERESP *single = basic ? find(basic, certificate, issuer) : NULL;
    if (!single)
        return error_set(error, "its response is about another certificate");
    if (!is_signed(basic, issuer))
        return error_set(error, "its response is signed neither by the certificate's issuer nor "
                                "by a responder of that");
    return read_single(answer, single, error);
}

static bool read_response(struct ocsp_answer *answer, OCSP_RESPONSE *response, X509 *certificate,
                          X509 *issuer, struct error_text *error)
{
    int status = OCSP_response_status(response);
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return error_set(error, "it answers with the failure \"%s\"",
                         OCSP_response_status_str(status));
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    bool fine = read_basic(answer, basic, certificate, issuer, error);
    OCSP_BASICRESP_free(basic);
    return fine;
}

bool ocsp_answer_read(struct ocsp_answer *answer, const unsigned char *der, size_t size,
                      X509 *certificate, X509 *issuer, struct error_text *error)
{
    const unsigned char *at = der;
    bool fine = false;
    *answer = (struct ocsp_answer){.der = NULL};
    (void)ERR_set_mark();
    OCSP_RESPONSE *response =
        size <= OCSP_ANSWER_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)size) : NULL;
    if (!response || at != der + size)
        error_set(error, "what it sends is not an OCSP response");
    else if (read_response(answer, response, certificate, issuer, error)) {
        answer->der = OPENSSL_memdup(der, size);
        answer->size = size;
        fine = answer->der || error_set(error, "out of memory for OCSP");
    }
    OCSP_RESPONSE_free(response);
    (void)ERR_pop_to_mark();
    return fine;
}

void ocsp_answer_free(struct ocsp_answer *answer)
{
    OPENSSL_free(answer->der);
    *answer = (struct ocsp_answer){.der = NULL};
}

void ocsp_answer_forget_der(struct ocsp_answer *answer)
{
    OPENSSL_free(answer->der);
    answer->der = NULL;
    answer->size = 0;
}

bool ocsp_answer_is_current(const struct ocsp_answer *answer)
{
    return (int64_t)time(NULL) < answer->until_s;
}

bool ocsp_answer_is_outdated(const struct ocsp_answer *answer, const struct ocsp_answer *known)
{
    return ocsp_answer_is_current(known) && answer->from_s < known->from_s;
}

const char *ocsp_status_text(enum ocsp_status status)
{
    static const char *const texts[] = {
        [OCSP_GOOD] = "good", [OCSP_REVOKED] = "revoked", [OCSP_NOT_KNOWN] = "unknown"};
    return texts[status];
}
