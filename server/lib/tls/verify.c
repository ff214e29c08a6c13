#include "server/lib/tls/verify.h"

#include "server/lib/base/error.h"
#include "server/lib/base/ssl_data.h"
#include "server/lib/tls/crl.h"
#include "server/lib/tls/renegotiation.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* ---- The reason, kept with the SSL -------------------------------------------------------- */

/* Without memory for it, verify_refusal returns OpenSSL's own words. */
static void keep_reason(SSL *ssl, const char *text)
{
    (void)ssl_data_set(ssl, SSL_PART_REFUSAL, strdup(text), free);
}

const char *verify_refusal(SSL *ssl)
{
    const char *reason = ssl_data_get(ssl, SSL_PART_REFUSAL);
    if (reason)
        return reason;
    long result = SSL_get_verify_result(ssl);
    return result == X509_V_OK ? "" : X509_verify_cert_error_string(result);
}

/* ---- The check ---------------------------------------------------------------------------- */

/* What an operator needs to know beside OpenSSL's words. */
static void print_more(BIO *memory, int failure, const X509 *culprit)
{
    switch (failure) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        (void)BIO_puts(memory, "; not in ca, nor sent by the peer: issuer \"");
        (void)X509_NAME_print_ex(memory, X509_get_issuer_name(culprit), 0, XN_FLAG_RFC2253);
        (void)BIO_puts(memory, "\"");
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        (void)BIO_puts(memory, "; not in ca");
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        (void)BIO_puts(memory, "; notAfter ");
        (void)ASN1_TIME_print(memory, X509_get0_notAfter(culprit));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        (void)BIO_puts(memory, "; notBefore ");
        (void)ASN1_TIME_print(memory, X509_get0_notBefore(culprit));
        (void)BIO_puts(memory, ": is our clock right?");
        break;
    default:
        break;
    }
}

/* Without memory only OpenSSL's words and the depth are there. */
static void describe_chain_failure(X509_STORE_CTX *store, struct error_text *error)
{
    char *names = NULL;
    long size = 0;
    int failure = X509_STORE_CTX_get_error(store);
    BIO *memory = BIO_new(BIO_s_mem());
    const X509 *culprit = X509_STORE_CTX_get_current_cert(store);
    if (memory && culprit) {
        (void)BIO_puts(memory, ", subject \"");
        (void)X509_NAME_print_ex(memory, X509_get_subject_name(culprit), 0, XN_FLAG_RFC2253);
        (void)BIO_puts(memory, "\"");
        print_more(memory, failure, culprit);
        size = BIO_get_mem_data(memory, &names);
    }
    error_set(error, "%s (depth %d%.*s)", X509_verify_cert_error_string(failure),
              X509_STORE_CTX_get_error_depth(store), (int)size, size ? names : "");
    BIO_free(memory);
}

/* OpenSSL has set the purpose by the role: serverAuth or clientAuth (hazard 31). */
static bool check_chain(X509_STORE_CTX *store, struct error_text *error)
{
    crl_prepare(store);
    if (X509_verify_cert(store) > 0)
        return true;
    if (X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    describe_chain_failure(store, error);
    return false;
}

static bool check_policy(const struct policy *policy, X509_STORE_CTX *store, const SSL *ssl,
                         struct error_text *error)
{
    const X509 *peer = X509_STORE_CTX_get0_cert(store);
    if (renegotiation_same_peer(ssl, peer, error) && policy_accepts(policy, peer, error)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return true;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED); /* the alert bad_certificate */
    return false;
}

/* As client, refuses a server that agreed on no protocol before it sees our certificate. That is
 * not a question of identity, so the error queue names it first. (As server we have selected the
 * protocol already, and in a renegotiation the first handshake has.) */
static bool check_protocol(const struct verify *verify, X509_STORE_CTX *store, const SSL *ssl)
{
    if (renegotiation_is_one(ssl) || alpn_agreed(verify->alpn, ssl))
        return true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION); /* handshake_failure */
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
    return false;
}

/* A check that could not be made for lack of memory also refuses, but does not blame the peer. */
static void refuse(SSL *ssl, X509_STORE_CTX *store, const struct error_text *error)
{
    keep_reason(ssl, error->text);
    if (!error_is_no_memory(error))
        return;
    X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM); /* the alert internal_error */
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
}

static int check(X509_STORE_CTX *store, void *arg)
{
    const struct verify *verify = arg;
    struct error_text error = {.text = ""};
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    (void)ERR_set_mark(); /* errors of the check must not be taken for errors of TLS */
    bool accepts = (!policy_needs_chain(verify->policy) || check_chain(store, &error)) &&
                   check_policy(verify->policy, store, ssl, &error);
    if (!accepts && (openssl_take_memory_error(NULL) ||
                     X509_STORE_CTX_get_error(store) == X509_V_ERR_OUT_OF_MEM))
        error_set_no_memory(&error);
    (void)ERR_pop_to_mark();
    if (!accepts)
        refuse(ssl, store, &error);
    return accepts && check_protocol(verify, store, ssl);
}

void verify_use(const struct verify *verify, SSL_CTX *ctx)
{
    SSL_CTX_set_cert_verify_callback(ctx, check, (void *)verify);
}

/* ---- Once more ---------------------------------------------------------------------------- */

/* Asks for what OpenSSL asks for in a handshake. */
static bool ask_as_in_handshake(X509_STORE_CTX *store, SSL_CTX *ctx, const SSL *ssl)
{
    if (X509_STORE_CTX_set_default(store, SSL_is_server(ssl) ? "ssl_client" : "ssl_server") != 1)
        return false;
    X509_VERIFY_PARAM *asked = X509_STORE_CTX_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(asked, SSL_get_security_level(ssl));
    return X509_VERIFY_PARAM_set1(asked, SSL_CTX_get0_param(ctx)) == 1;
}

bool verify_again(SSL_CTX *ctx, SSL *ssl, struct error_text *error)
{
    X509_STORE *trusted = NULL;
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    (void)ERR_set_mark();
    bool ready = store && SSL_CTX_get0_verify_cert_store(ctx, &trusted) == 1 &&
                 X509_STORE_CTX_init(store, trusted, SSL_get0_peer_certificate(ssl),
                                     SSL_get_peer_cert_chain(ssl)) == 1 &&
                 ask_as_in_handshake(store, ctx, ssl);
    bool holds = ready && check_chain(store, error);
    if (!ready || (!holds && (openssl_take_memory_error(NULL) ||
                              X509_STORE_CTX_get_error(store) == X509_V_ERR_OUT_OF_MEM)))
        error_set_no_memory(error);
    (void)ERR_pop_to_mark();
    X509_STORE_CTX_free(store);
    return holds;
}
