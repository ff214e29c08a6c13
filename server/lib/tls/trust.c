/* Whom do we trust? */
#include "server/lib/tls/trust.h"

#include "server/lib/tls/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* ---- What must be said -------------------------------------------------------------------- */

static bool check_client(const struct config_tls *tls, struct tls_error *error)
{
    bool ca = tls->ca || tls->ca_system;
    bool names = tls->peer_names.count > 0;
    if (tls->peer_pins.count > 0 || (ca && names))
        return true;
    if (ca)
        return tls_fail(error,
                        "a TLS client must say whom it trusts, and ca alone is everybody with a "
                        "certificate of that CA: add peer_names, or peer_pins");
    if (names)
        return tls_fail(error,
                        "a TLS client must say whom it trusts, and peer_names needs somebody to "
                        "vouch for the names: add ca, or peer_pins");
    return tls_fail(error, "a TLS client must say whom it trusts: add ca and peer_names, or "
                           "peer_pins");
}

static bool check_server(const struct config_tls *tls, struct tls_error *error)
{
    if (config_client_auth(tls) == CONFIG_CLIENT_AUTH_NONE || tls->ca || tls->ca_system ||
        tls->peer_pins.count > 0)
        return true;
    return tls_fail(error, "client_auth needs somebody to vouch for the clients: add ca, or "
                           "peer_pins");
}

bool trust_check(const struct config_tls *tls, bool may_serve, bool may_connect,
                 struct tls_error *error)
{
    bool named = tls->ca || tls->ca_system || tls->peer_names.count > 0 || tls->peer_pins.count > 0;
    if (tls->insecure_any_peer)
        return (!named && !tls->crl) ||
               tls_fail(error, "insecure_any_peer contradicts ca, peer_names, peer_pins and crl: "
                               "remove it, or all of them");
    if (tls->crl && !tls->ca && !tls->ca_system)
        return tls_fail(error, "crl needs ca beside it, whose certificates it revokes: add ca");
    return (!may_connect || check_client(tls, error)) && (!may_serve || check_server(tls, error));
}

/* ---- The certificates --------------------------------------------------------------------- */

static bool load_file(const char *path, struct trust *trust, struct tls_error *error)
{
    trust->list = pem_certificates("ca", path, error);
    if (!trust->list)
        return false;
    for (int i = 0; i < sk_X509_num(trust->list); i++) {
        X509 *certificate = sk_X509_value(trust->list, i);
        /* Reads its extensions now; in the first handshakes several threads would do it at once,
         * which OpenSSL orders by atomics that ThreadSanitizer does not see. */
        (void)X509_check_purpose(certificate, -1, 0);
        if (X509_STORE_add_cert(trust->store, certificate) != 1)
            return tls_fail(error, "ca %s cannot be used: OpenSSL says \"%s\"", path,
                            tls_openssl_reason());
    }
    return true;
}

static bool load(const struct config_tls *tls, struct trust *trust, struct tls_error *error)
{
    trust->store = X509_STORE_new();
    if (!trust->store)
        return tls_fail(error, "out of memory for ca");
    if (tls->ca)
        return load_file(tls->ca, trust, error);
    return !tls->ca_system || X509_STORE_set_default_paths(trust->store) == 1 ||
           tls_fail(error, "ca \"system\" cannot be used: OpenSSL says \"%s\"",
                    tls_openssl_reason());
}

bool trust_load(const struct config_tls *tls, struct trust *trust, struct tls_error *error)
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
