#include "server/lib/tls/served.h"

#include "server/lib/base/error.h"
#include "server/lib/tls/renegotiation.h"
#include "server/lib/tls/served_list.h"
#include "server/lib/tls/server_name.h"
#include "server/lib/tls/staple.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct served {
    struct served_list list;
    bool refuse_unknown;
    X509 *own;
    struct staple *staple; /* NULL: none */
};

/* ---- New and free -------------------------------------------------------------------------- */

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
    if (served_list_load(&served->list, tls, passphrase, own, error) &&
        load_staple(tls, served, error))
        return served;
    served_free(served);
    return NULL;
}

void served_free(struct served *served)
{
    if (!served)
        return;
    served_list_free(&served->list);
    staple_free(served->staple);
    X509_free(served->own);
    free(served);
}

size_t served_count(const struct served *served)
{
    return served->list.count;
}

const struct identity *served_identity(const struct served *served, size_t index)
{
    return &served->list.items[index].identity;
}

X509 *served_certificate(const struct served *served, size_t index)
{
    return served->list.items[index].identity.certificate;
}

const struct config_strings *served_names(const struct served *served, size_t index)
{
    return &served->list.items[index].names;
}

void served_set_scope(struct served *served, size_t index, const uint8_t scope[SCOPE_SIZE])
{
    memcpy(served->list.items[index].scope, scope, SCOPE_SIZE);
}

void served_use(struct served *served, SSL_CTX *ctx)
{
    if (served->staple)
        staple_use(served->staple, ctx);
}

bool served_use_beside(const struct served *served, SSL_CTX *ctx, struct error_text *error)
{
    for (size_t i = 0; i < served->list.count; i++)
        if (served->list.items[i].beside_own &&
            !identity_use(&served->list.items[i].identity, ctx, error))
            return false;
    return !served->own || SSL_CTX_select_current_cert(ctx, served->own) == 1 ||
           error_set(error, "certificate cannot be used: OpenSSL says \"%s\"", openssl_reason());
}

/* ---- With each ClientHello ------------------------------------------------------------------ */

typedef bool name_match(struct server_name name, const char *text);

static bool is_for(const struct choice *choice, struct server_name name, name_match *matches)
{
    for (size_t i = 0; i < choice->names.count; i++)
        if (matches(name, choice->names.items[i]))
            return true;
    return false;
}

/* The first one of each type of key. */
struct chosen {
    const struct choice *items[CHOICE_TYPES];
    size_t count;
};

static bool has_type(const struct chosen *chosen, int type)
{
    for (size_t i = 0; i < chosen->count; i++)
        if (chosen->items[i]->type == type)
            return true;
    return false;
}

static struct chosen find(const struct served *served, struct server_name name, name_match *matches)
{
    struct chosen chosen = {.count = 0};
    for (size_t i = 0; i < served->list.count && chosen.count < CHOICE_TYPES; i++) {
        const struct choice *choice = &served->list.items[i];
        if (is_for(choice, name, matches) && !has_type(&chosen, choice->type))
            chosen.items[chosen.count++] = choice;
    }
    return chosen;
}

/* OpenSSL takes the one that the client's algorithms allow. Beside our own, the context has them.
 */
static bool take(const struct chosen *chosen, SSL *ssl)
{
    if (chosen->items[0]->beside_own)
        return true;
    SSL_certs_clear(ssl); /* otherwise one with another type of key would stay */
    for (size_t i = 0; i < chosen->count; i++) {
        const struct identity *identity = &chosen->items[i]->identity;
        if (SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) !=
            1)
            return false;
    }
    return SSL_set_session_id_context(ssl, chosen->items[0]->scope, SCOPE_SIZE) == 1;
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
    if (served->list.count == 0 || renegotiation_is_one(ssl) || !server_name_read(ssl, &name))
        return true;
    struct chosen chosen = find(served, name, server_name_equals);
    if (chosen.count == 0)
        chosen = find(served, name, server_name_is_below);
    if (chosen.count > 0 && take(&chosen, ssl))
        return true;
    if (chosen.count > 0) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return false;
    }
    if (!served->refuse_unknown || is_own(served, name))
        return true;
    ERR_raise(ERR_LIB_SSL, SSL_R_TLSV1_UNRECOGNIZED_NAME);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return false;
}
