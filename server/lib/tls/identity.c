#include "server/lib/tls/identity.h"

#include "server/lib/tls/limits.h"
#include "server/lib/tls/store_key.h"

#include <openssl/err.h>

static bool check_match(const struct identity *identity, const struct pem_source *key,
                        struct error_text *error)
{
    struct error_text name;
    bool match = X509_check_private_key(identity->certificate, identity->key) == 1;
    store_key_show(pem_name(key), &name);
    if (!match &&
        (ERR_peek_error() == 0 || openssl_take_memory_error(NULL))) /* or for an error entry */
        return error_set(error, "out of memory for key %s", name.text);
    ERR_clear_error();
    return match || error_set(error,
                              "key %s does not match certificate %s: give the key that the "
                              "certificate was made for, and that certificate first in its %s",
                              name.text, identity->name, key->in_memory ? "text" : "file");
}

static bool load(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                 struct identity *identity, struct error_text *error)
{
    const struct pem_source certificate = {"certificate", tls->certificate, tls->own_in_memory};
    const struct pem_source key = {"key", tls->key ? tls->key : tls->certificate,
                                   tls->own_in_memory};
    struct pem_passphrase source = *passphrase;
    if (tls->key_passphrase_file)
        source.file = tls->key_passphrase_file;
    identity->name = pem_name(&certificate);
    identity->chain = pem_certificates(&certificate, error);
    if (!identity->chain)
        return false;
    identity->certificate = sk_X509_shift(identity->chain);
    identity->key = pem_key(&key, &source, error);
    return identity->key && check_match(identity, &key, error);
}

bool identity_load(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                   struct identity *identity, struct error_text *error)
{
    *identity = (struct identity){NULL, NULL, NULL, NULL};
    if (!tls->certificate || load(tls, passphrase, identity, error))
        return true;
    identity_free(identity);
    return false;
}

void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    *identity = (struct identity){NULL, NULL, NULL, NULL};
}

/* If a chain is set, even an empty one, OpenSSL builds none at each handshake, but sends what the
 * file holds. */
bool identity_use(const struct identity *identity, SSL_CTX *ctx, struct error_text *error)
{
    if (!identity->certificate || (SSL_CTX_use_certificate(ctx, identity->certificate) == 1 &&
                                   SSL_CTX_use_PrivateKey(ctx, identity->key) == 1 &&
                                   SSL_CTX_set1_chain(ctx, identity->chain) == 1))
        return true;
    return error_set(error, "certificate %s cannot be used: OpenSSL says \"%s\"", identity->name,
                     openssl_reason());
}

bool identity_try(const struct identity *identity, struct error_text *error)
{
    bool fine = false;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx) {
        SSL_CTX_set_security_level(ctx, LIMITS_SECURITY_LEVEL);
        fine = identity_use(identity, ctx, error);
    } else {
        error_set(error, "out of memory for certificates");
    }
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return fine;
}
