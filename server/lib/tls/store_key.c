#include "server/lib/tls/store_key.h"

#include "config/config.h"

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

bool store_key_is(const char *name)
{
    return strncmp(name, CONFIG_STORE, strlen(CONFIG_STORE)) == 0;
}

void store_key_show(const char *name, struct error_text *shown)
{
    size_t length = strlen(name);
    const char *pin = store_key_is(name) ? strstr(name, "pin-value=") : NULL;
    if (store_key_is(name))
        length = strcspn(name, "?");
    if (pin && (size_t)(pin - name) < length)
        length = (size_t)(pin - name);
    error_set(shown, "%.*s%s", (int)length, name, name[length] != '\0' ? "..." : "");
}

/* NULL: there is no further one. What is no private key is left out. */
static EVP_PKEY *next_key(OSSL_STORE_CTX *store)
{
    EVP_PKEY *key = NULL;
    while (!key && !OSSL_STORE_eof(store) && !OSSL_STORE_error(store)) {
        OSSL_STORE_INFO *item = OSSL_STORE_load(store);
        if (item && OSSL_STORE_INFO_get_type(item) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(item);
        OSSL_STORE_INFO_free(item);
    }
    return key;
}

static void report(const struct passphrase *passphrase, struct error_text *error)
{
    const char *reason;
    const char *name = passphrase->shown.text;
    bool silent = ERR_peek_error() == 0;
    if (passphrase_was_missing(passphrase,
                               "name a file with the passphrase, or the PIN, in "
                               "\"key_passphrase_file\"",
                               error))
        return;
    if (openssl_take_memory_error(&reason))
        error_set(error, "out of memory for key %s", name);
    else if (silent)
        error_set(error, "key %s: there is no private key", name);
    else if (passphrase->asked)
        passphrase_report_wrong(passphrase, error);
    else
        error_set(error,
                  "key %s cannot be loaded: OpenSSL says \"%s\"; a URI that is not file: needs a "
                  "provider in openssl.cnf",
                  name, reason);
}

/* The only one; with ERROR if there are several. */
static EVP_PKEY *only_key(OSSL_STORE_CTX *store, const struct passphrase *passphrase,
                          struct error_text *error)
{
    EVP_PKEY *key = next_key(store);
    EVP_PKEY *other = key ? next_key(store) : NULL;
    if (!key)
        report(passphrase, error);
    if (!other)
        return key;
    error_set(error, "key %s: there are several private keys: name one of them",
              passphrase->shown.text);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return NULL;
}

static EVP_PKEY *load(const char *name, struct passphrase *passphrase, UI_METHOD *method,
                      struct error_text *error)
{
    OSSL_STORE_CTX *store =
        OSSL_STORE_open(name + strlen(CONFIG_STORE), method, passphrase, NULL, NULL);
    EVP_PKEY *key = NULL;
    if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
        key = only_key(store, passphrase, error);
    else
        report(passphrase, error);
    if (store)
        (void)OSSL_STORE_close(store); /* its failure changes nothing for the key */
    return key;
}

EVP_PKEY *store_key_load(const char *name, const struct pem_passphrase *source,
                         struct error_text *error)
{
    struct passphrase passphrase = {.source = source, .key = name};
    EVP_PKEY *key = NULL;
    store_key_show(name, &passphrase.shown);
    ERR_clear_error();
    UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(passphrase_give, 0);
    if (method)
        key = load(name, &passphrase, method, error);
    else
        error_set(error, "out of memory for key %s", passphrase.shown.text);
    UI_destroy_method(method);
    passphrase_forget(&passphrase);
    ERR_clear_error();
    return key;
}
