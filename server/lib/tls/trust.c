/* Whom do we trust? */
#include "server/lib/tls/trust.h"

#include "server/lib/tls/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* ---- The certificates --------------------------------------------------------------------- */

static bool load_list(const struct pem_source *source, struct trust *trust,
                      struct error_text *error)
{
    trust->list = pem_certificates(source, error);
    if (!trust->list)
        return false;
    for (int i = 0; i < sk_X509_num(trust->list); i++) {
        X509 *certificate = sk_X509_value(trust->list, i);
        /* Reads its extensions now; in the first handshakes several threads would do it at once,
         * which OpenSSL orders by atomics that ThreadSanitizer does not see. */
        (void)X509_check_purpose(certificate, -1, 0);
        if (X509_STORE_add_cert(trust->store, certificate) != 1)
            return error_set(error, "ca %s cannot be used: OpenSSL says \"%s\"", pem_name(source),
                             openssl_reason());
    }
    return true;
}

static bool load(const struct config_tls *tls, struct trust *trust, struct error_text *error)
{
    const struct pem_source source = {"ca", tls->ca, tls->ca_in_memory};
    trust->store = X509_STORE_new();
    if (!trust->store)
        return error_set(error, "out of memory for ca");
    if (tls->ca)
        return load_list(&source, trust, error);
    return !tls->ca_system || X509_STORE_set_default_paths(trust->store) == 1 ||
           error_set(error, "ca \"system\" cannot be used: OpenSSL says \"%s\"", openssl_reason());
}

bool trust_load(const struct config_tls *tls, struct trust *trust, struct error_text *error)
{
    *trust = (struct trust){NULL, NULL};
    bool loaded = load(tls, trust, error);
    ERR_clear_error();
    if (!loaded)
        trust_free(trust);
    return loaded;
}

void trust_free(struct trust *trust)
{
    X509_STORE_free(trust->store);
    sk_X509_pop_free(trust->list, X509_free);
    *trust = (struct trust){NULL, NULL};
}

bool trust_use(const struct trust *trust, SSL_CTX *ctx)
{
    return SSL_CTX_set1_verify_cert_store(ctx, trust->store) == 1;
}

bool trust_announce(const struct trust *trust, SSL_CTX *ctx)
{
    for (int i = 0; i < sk_X509_num(trust->list); i++)
        if (SSL_CTX_add_client_CA(ctx, sk_X509_value(trust->list, i)) != 1)
            return false;
    return true;
}
