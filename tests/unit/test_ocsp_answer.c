/* OCSP responses: which are taken, and what they say. */
#include "server/lib/ocsp/answer.h"
#include "tests/support/certs.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>
#include <time.h>

enum signer { BY_ISSUER, BY_DELEGATE, BY_DELEGATE_WITHOUT_USAGE, BY_OLD_DELEGATE, BY_STRANGER };

static struct scene {
    struct test_identity *ca, *stranger, *own, *other;
    struct test_identity *signers[BY_STRANGER + 1];
} scene;

static struct test_identity *delegate(const char *usage, long from_s, long until_s)
{
    return test_identity_new(&(struct test_identity_options){.issuer = scene.ca,
                                                             .common_name = "delegate",
                                                             .usage = usage,
                                                             .from_s = from_s,
                                                             .until_s = until_s});
}

static void begin(void)
{
    scene.ca = test_ca_new("ca");
    scene.stranger = test_ca_new("ca"); /* of the same name */
    scene.own = test_leaf_new(scene.ca, "DNS:a.example");
    scene.other = test_leaf_new(scene.ca, "DNS:b.example");
    scene.signers[BY_ISSUER] = scene.ca;
    scene.signers[BY_STRANGER] = scene.stranger;
    scene.signers[BY_DELEGATE] = delegate("OCSPSigning", 0, 0);
    scene.signers[BY_DELEGATE_WITHOUT_USAGE] = delegate("serverAuth", 0, 0);
    scene.signers[BY_OLD_DELEGATE] = delegate("OCSPSigning", -7200, -3600);
}

static void end(void)
{
    for (int i = BY_DELEGATE; i <= BY_OLD_DELEGATE; i++)
        test_identity_free(scene.signers[i]);
    test_identity_free(scene.own);
    test_identity_free(scene.other);
    test_identity_free(scene.stranger);
    test_identity_free(scene.ca);
}

struct made {
    int failure; /* a status of OCSP_response_create; 0: successful */
    int status;
    long from_s, until_s; /* in seconds from now; until 0: none */
    enum signer signer;
    bool about_other, by_sha256, spoilt;
    size_t extra; /* bytes behind it */
};

static OCSP_BASICRESP *make_basic(const struct made *made)
{
    const struct test_identity *signer = scene.signers[made->signer];
    X509 *about = made->about_other ? scene.other->certificate : scene.own->certificate;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id =
        OCSP_cert_to_id(made->by_sha256 ? EVP_sha256() : EVP_sha1(), about, scene.ca->certificate);
    ASN1_TIME *from = X509_gmtime_adj(NULL, made->from_s);
    ASN1_TIME *until = made->until_s ? X509_gmtime_adj(NULL, made->until_s) : NULL;
    ASN1_TIME *then = X509_gmtime_adj(NULL, -60);
    cr_assert(OCSP_basic_add1_status(basic, id, made->status, OCSP_REVOKED_STATUS_NOSTATUS,
                                     made->status == V_OCSP_CERTSTATUS_REVOKED ? then : NULL, from,
                                     until));
    cr_assert(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0));
    ASN1_TIME_free(then);
    ASN1_TIME_free(until);
    ASN1_TIME_free(from);
    OCSP_CERTID_free(id);
    return basic;
}

static size_t make(const struct made *made, unsigned char bytes[OCSP_ANSWER_MAX])
{
    OCSP_BASICRESP *basic = make_basic(made);
    if (made->spoilt) {
        const ASN1_OCTET_STRING *signature = OCSP_resp_get0_signature(basic);
        ((unsigned char *)ASN1_STRING_get0_data(signature))[8] ^= 1;
    }
    OCSP_RESPONSE *response = OCSP_response_create(made->failure, made->failure ? NULL : basic);
    int size = i2d_OCSP_RESPONSE(response, &bytes);
    cr_assert(size > 0);
    memset(bytes, 0, made->extra);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
    return (size_t)size + made->extra;
}

static const struct row {
    struct made made;
    const char *error; /* a part of it; NULL: it is taken */
    enum ocsp_status status;
} rows[] = {
    {{.until_s = 60}, NULL, OCSP_GOOD},
    {{.until_s = 0}, NULL, OCSP_GOOD},
    {{.until_s = 60, .by_sha256 = true}, NULL, OCSP_GOOD},
    {{.until_s = 60, .status = V_OCSP_CERTSTATUS_REVOKED}, NULL, OCSP_REVOKED},
    {{.until_s = 60, .status = V_OCSP_CERTSTATUS_UNKNOWN}, NULL, OCSP_NOT_KNOWN},
    {{.until_s = 60, .signer = BY_DELEGATE}, NULL, OCSP_GOOD},
    {{.until_s = 60, .signer = BY_DELEGATE_WITHOUT_USAGE}, "signed neither", OCSP_GOOD},
    {{.until_s = 60, .signer = BY_OLD_DELEGATE}, "signed neither", OCSP_GOOD},
    {{.until_s = 60, .signer = BY_STRANGER}, "signed neither", OCSP_GOOD},
    {{.until_s = 60, .spoilt = true}, "signed neither", OCSP_GOOD},
    {{.until_s = 60, .about_other = true}, "another certificate", OCSP_GOOD},
    {{.from_s = -7200, .until_s = -3600}, "not current", OCSP_GOOD},
    {{.from_s = -7200, .until_s = -200}, NULL, OCSP_GOOD}, /* our clock may be ahead */
    {{.from_s = 3600, .until_s = 7200}, "not current", OCSP_GOOD},
    {{.from_s = -23 * 3600}, NULL, OCSP_GOOD},
    {{.from_s = -25 * 3600}, "not current", OCSP_GOOD}, /* or it could be replayed for ever */
    {{.failure = OCSP_RESPONSE_STATUS_TRYLATER}, "trylater", OCSP_GOOD},
    {{.until_s = 60, .extra = 1}, "not an OCSP response", OCSP_GOOD},
};

Test(ocsp_answer, which_are_taken, .init = begin, .fini = end)
{
    static unsigned char bytes[OCSP_ANSWER_MAX];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        struct ocsp_answer answer;
        struct error_text error = {.text = ""};
        size_t size = make(&row->made, bytes);
        bool taken = ocsp_answer_read(&answer, bytes, size, scene.own->certificate,
                                      scene.ca->certificate, &error);
        cr_assert_eq(taken, !row->error, "row %zu: %s", i, error.text);
        cr_assert_eq(ERR_peek_error(), 0, "row %zu", i);
        if (!taken) {
            cr_assert_not_null(strstr(error.text, row->error), "row %zu: %s", i, error.text);
            cr_assert_null(answer.der);
            continue;
        }
        cr_assert_eq(answer.status, row->status, "row %zu", i);
        cr_assert(ocsp_answer_is_current(&answer));
        int64_t left_s = answer.until_s - (int64_t)time(NULL);
        int64_t wanted_s = row->made.until_s ? row->made.until_s : 3600;
        if (wanted_s < 60) /* or it would be fetched again and again */
            wanted_s = 60;
        cr_assert(left_s <= wanted_s && left_s > wanted_s - 60, "row %zu", i);
        cr_assert(answer.size == size && memcmp(answer.der, bytes, size) == 0);
        ocsp_answer_free(&answer);
    }
}

/* No cut response is taken, and none is read beyond its end. */
Test(ocsp_answer, cut_anywhere, .init = begin, .fini = end)
{
    static unsigned char bytes[OCSP_ANSWER_MAX];
    size_t size = make(&(struct made){.until_s = 60}, bytes);
    for (size_t i = 0; i < size; i++) {
        struct ocsp_answer answer;
        struct error_text error;
        unsigned char *cut = OPENSSL_memdup(bytes, i ? i : 1);
        cr_assert_not(ocsp_answer_read(&answer, cut, i, scene.own->certificate,
                                       scene.ca->certificate, &error));
        OPENSSL_free(cut);
    }
}
