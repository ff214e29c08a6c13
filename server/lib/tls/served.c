#include "server/lib/tls/served.h"

#include "server/lib/base/error.h"
#include "server/lib/tls/renegotiation.h"
#include "server/lib/tls/server_name.h"
#include "server/lib/tls/staple.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct choice {
    struct identity identity;
    char **names;
    size_t name_count;
    uint8_t scope[SCOPE_SIZE];
};

struct served {
    struct choice *choices;
    size_t count;
    bool refuse_unknown;
    X509 *own;
    struct staple *staple; /* NULL: none */
};

/* ---- New and free -------------------------------------------------------------------------- */

static bool copy_names(const struct config_strings *names, struct choice *choice,
                       struct error_text *error)
{
    choice->names = calloc(names->count + 1, sizeof(*choice->names));
    for (size_t i = 0; choice->names && i < names->count; i++) {
        choice->names[i] = strdup(names->items[i]);
        if (!choice->names[i])
            return error_set(error, "out of memory for server_names");
        choice->name_count++;
    }
    return choice->names || error_set(error, "out of memory for server_names");
}

static bool load_choice(const struct config_certificate *config,
                        const struct pem_passphrase *passphrase, struct choice *choice,
                        struct error_text *error)
{
    const struct config_tls given = {.certificate = config->certificate,
                                     .key = config->key,
                                     .key_passphrase_file = config->key_passphrase_file,
                                     .own_in_memory = config->in_memory};
    return identity_load(&given, passphrase, &choice->identity, error) &&
           identity_try(&choice->identity, error) &&
           copy_names(&config->server_names, choice, error);
}

static bool load_choices(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                         struct served *served, struct error_text *error)
{
    if (tls->certificate_count == 0)
        return true;
    served->choices = calloc(tls->certificate_count, sizeof(*served->choices));
    if (!served->choices)
        return error_set(error, "out of memory for certificates");
    for (size_t i = 0; i < tls->certificate_count; i++) {
        served->count++;
        if (!load_choice(&tls->certificates[i], passphrase, &served->choices[i], error))
            return false;
    }
    return true;
}

static bool load_staple(const struct config_tls *tls, struct served *served,
                        struct error_text *error)
{
    if (!tls->ocsp_response)
        return true;
    if (!served->own)
        return error_set(error,
                         "ocsp_response %s is for a certificate, and there is none: set "
                         "certificate and key",
                         tls->ocsp_response);
    served->staple = staple_new(tls->ocsp_response, served->own, error);
    return served->staple;
}

static void set_own(const struct config_tls *tls, const struct identity *own, struct served *served)
{
    served->refuse_unknown = tls->unknown_server_name == CONFIG_UNKNOWN_NAME_REFUSE;
    served->own = own->certificate;
    if (served->own)
        X509_up_ref(served->own);
}

struct served *served_new(const struct config_tls *tls, const struct pem_passphrase *passphrase,
                          const struct identity *own, struct error_text *error)
{
    struct served *served = calloc(1, sizeof(*served));
    if (!served) {
        error_set(error, "out of memory for certificates");
        return NULL;
    }
    set_own(tls, own, served);
    if (load_choices(tls, passphrase, served, error) && load_staple(tls, served, error))
        return served;
    served_free(served);
    return NULL;
}

static void free_choice(struct choice *choice)
{
    for (size_t i = 0; i < choice->name_count; i++)
        free(choice->names[i]);
    free(choice->names);
    identity_free(&choice->identity);
}

void served_free(struct served *served)
{
    if (!served)
        return;
    for (size_t i = 0; i < served->count; i++)
        free_choice(&served->choices[i]);
    free(served->choices);
    staple_free(served->staple);
    X509_free(served->own);
    free(served);
}

size_t served_count(const struct served *served)
{
    return served->count;
}

X509 *served_certificate(const struct served *served, size_t index)
{
    return served->choices[index].identity.certificate;
}

void served_set_scope(struct served *served, size_t index, const uint8_t scope[SCOPE_SIZE])
{
    memcpy(served->choices[index].scope, scope, SCOPE_SIZE);
}

void served_use(struct served *served, SSL_CTX *ctx)
{
    if (served->staple)
        staple_use(served->staple, ctx);
}

/* ---- With each ClientHello ------------------------------------------------------------------ */

static const struct choice *find(const struct served *served, struct server_name name,
                                 bool (*matches)(struct server_name name, const char *text))
{
    for (size_t i = 0; i < served->count; i++) {
        const struct choice *choice = &served->choices[i];
        for (size_t j = 0; j < choice->name_count; j++)
            if (matches(name, choice->names[j]))
                return choice;
    }
    return NULL;
}

static bool take(const struct choice *choice, SSL *ssl)
{
    const struct identity *identity = &choice->identity;
    SSL_certs_clear(ssl); /* otherwise one with another type of key would stay */
    return SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) ==
               1 &&
           SSL_set_session_id_context(ssl, choice->scope, SCOPE_SIZE) == 1;
}

static bool is_own(const struct served *served, struct server_name name)
{
    return X509_check_host(served->own, name.text, name.size, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           NULL) == 1;
}

/* A renegotiation cannot change the identity. */
bool served_choose(const struct served *served, SSL *ssl, int *alert)
{
    struct server_name name;
    if (served->count == 0 || renegotiation_is_one(ssl) || !server_name_read(ssl, &name))
        return true;
    const struct choice *choice = find(served, name, server_name_equals);
    if (!choice)
        choice = find(served, name, server_name_is_below);
    if (choice && take(choice, ssl))
        return true;
    if (choice) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return false;
    }
    if (!served->refuse_unknown || is_own(served, name))
        return true;
    ERR_raise(ERR_LIB_SSL, SSL_R_TLSV1_UNRECOGNIZED_NAME);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return false;
}
