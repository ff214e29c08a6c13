#include "server/lib/tls/crl.h"

#include "server/lib/tls/pem.h"

#include <openssl/x509v3.h>
#include <time.h>

STACK_OF(X509_CRL) * crl_load(const char *path, struct error_text *error)
{
    return pem_crls(path, error);
}

void crl_free(STACK_OF(X509_CRL) * lists)
{
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
}

bool crl_use(STACK_OF(X509_CRL) * lists, X509_STORE *store)
{
    for (int i = 0; i < sk_X509_CRL_num(lists); i++)
        if (X509_STORE_add_crl(store, sk_X509_CRL_value(lists, i)) != 1)
            return false;
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

/* OpenSSL requires a list of each issuer up to the root. */
static int pass_uncovered_issuers(int fine, X509_STORE_CTX *verification)
{
    if (fine || X509_STORE_CTX_get_error(verification) != X509_V_ERR_UNABLE_TO_GET_CRL ||
        X509_STORE_CTX_get_error_depth(verification) == 0)
        return fine;
    X509_STORE_CTX_set_error(verification, X509_V_OK);
    return 1;
}

void crl_prepare(X509_STORE_CTX *verification)
{
    X509_STORE_CTX_set_verify_cb(verification, pass_uncovered_issuers);
}

static bool is_current(const X509_CRL *list)
{
    enum { UNREADABLE = -2, LATER = 1 }; /* of ASN1_TIME_cmp_time_t */
    time_t now = time(NULL);
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
    int begins = ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(list), now);
    return begins != UNREADABLE && begins != LATER &&
           (!next || ASN1_TIME_cmp_time_t(next, now) == LATER);
}

bool crl_allows(STACK_OF(X509_CRL) * lists, const X509 *certificate, struct error_text *error)
{
    enum { LISTED = 1 };
    bool found = false, covered = false;
    for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
        X509_CRL *list = sk_X509_CRL_value(lists, i);
        X509_REVOKED *entry;
        if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) != 0)
            continue;
        if (X509_CRL_get0_by_cert(list, &entry, (X509 *)certificate) == LISTED)
            return error_set(error, "it is revoked");
        found = true;
        covered = covered || is_current(list);
    }
    if (!found)
        return error_set(error, "crl holds no list of its issuer");
    return covered || error_set(error, "the list of its issuer in crl is out of date");
}
