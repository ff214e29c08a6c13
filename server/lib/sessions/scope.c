#include "server/lib/sessions/scope.h"

#include <openssl/evp.h>
#include <string.h>

/* Adds each part with its kind and length, so that different policies give different bytes. */
static bool add(EVP_MD_CTX *digest, char kind, const void *data, size_t size)
{
    uint64_t length = size;
    return EVP_DigestUpdate(digest, &kind, 1) &&
           EVP_DigestUpdate(digest, &length, sizeof(length)) &&
           EVP_DigestUpdate(digest, data, size);
}

static bool add_names(EVP_MD_CTX *digest, const struct config_peer_names *names)
{
    bool done = true;
    for (size_t i = 0; done && i < names->count; i++) {
        const uint8_t kind = (uint8_t)names->items[i].kind;
        done = add(digest, 'k', &kind, 1) &&
               add(digest, 'n', names->items[i].text, strlen(names->items[i].text));
    }
    return done;
}

static bool add_pins(EVP_MD_CTX *digest, const struct config_pins *pins)
{
    bool done = true;
    for (size_t i = 0; done && i < pins->count; i++)
        done = add(digest, 'p', pins->items[i].digest, sizeof(pins->items[i].digest));
    return done;
}

static bool add_text(EVP_MD_CTX *digest, char kind, const char *text)
{
    return !text || add(digest, kind, text, strlen(text));
}

static bool add_certificate(EVP_MD_CTX *digest, char kind, const X509 *certificate)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_digest(certificate, EVP_sha256(), fingerprint, &size) == 1 &&
           add(digest, kind, fingerprint, size);
}

static bool add_ca(EVP_MD_CTX *digest, const STACK_OF(X509) * ca)
{
    bool done = true;
    for (int i = 0; done && i < sk_X509_num(ca); i++)
        done = add_certificate(digest, 'c', sk_X509_value(ca, i));
    return done;
}

static bool add_all(EVP_MD_CTX *digest, const struct config_tls *tls, enum role role,
                    const STACK_OF(X509) * ca, const X509 *own)
{
    const uint8_t flags[] = {role == ROLE_SERVER, tls->insecure_any_peer, tls->ca_system,
                             (uint8_t)config_client_auth(tls), (uint8_t)tls->min_version};
    return add(digest, 'f', flags, sizeof(flags)) && add_names(digest, &tls->peer_names) &&
           add_pins(digest, &tls->peer_pins) && add_ca(digest, ca) &&
           add_text(digest, '2', tls->ciphers) && add_text(digest, '3', tls->ciphersuites) &&
           (!own || add_certificate(digest, 'o', own));
}

bool scope_of(const struct config_tls *tls, enum role role, const STACK_OF(X509) * ca,
              const X509 *own, uint8_t scope[SCOPE_SIZE])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add_all(digest, tls, role, ca, own) && EVP_DigestFinal_ex(digest, scope, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done;
}

bool scope_narrow(uint8_t scope[SCOPE_SIZE], const char *service)
{
    if (!*service)
        return true;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add(digest, 's', scope, SCOPE_SIZE) && add_text(digest, 'n', service) &&
                EVP_DigestFinal_ex(digest, scope, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done;
}

static bool add_crl(EVP_MD_CTX *digest, const X509_CRL *list)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_CRL_digest(list, EVP_sha256(), fingerprint, &size) == 1 &&
           add(digest, 'r', fingerprint, size);
}

bool scope_narrow_by_crl(uint8_t scope[SCOPE_SIZE], const STACK_OF(X509_CRL) * lists)
{
    if (!lists)
        return true;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add(digest, 's', scope, SCOPE_SIZE);
    for (int i = 0; done && i < sk_X509_CRL_num(lists); i++)
        done = add_crl(digest, sk_X509_CRL_value(lists, i));
    done = done && EVP_DigestFinal_ex(digest, scope, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done;
}

bool scope_of_chain(const STACK_OF(X509) * ca, const STACK_OF(X509_CRL) * lists, uint8_t flags,
                    uint8_t scope[SCOPE_SIZE])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add(digest, 'f', &flags, sizeof(flags)) && add_ca(digest, ca) &&
                EVP_DigestFinal_ex(digest, scope, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return done && scope_narrow_by_crl(scope, lists);
}
