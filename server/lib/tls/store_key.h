/* Keys that are in no PEM file: "store:URI", where URI is what OSSL_STORE_open(3) takes, such as a
 * PKCS#11 URI (RFC 7512) where OpenSSL's configuration has a provider for it. Such a key may never
 * leave its token: then each signature is made there. Any thread. */
#ifndef ACTPASS_SERVER_TLS_STORE_KEY_H
#define ACTPASS_SERVER_TLS_STORE_KEY_H

#include "server/lib/tls/passphrase.h"

#include <openssl/evp.h>

bool store_key_is(const char *name);

/* Writes the name of any key as messages have it: of a "store:URI" the beginning, since a PIN may
 * follow a "?" or "pin-value=". */
void store_key_show(const char *name, struct error_text *shown);

/* The only private key at NAME, a "store:URI". SOURCE is asked once if it needs one, or a PIN.
 * The caller frees the key with EVP_PKEY_free. NULL with error. */
EVP_PKEY *store_key_load(const char *name, const struct pem_passphrase *source,
                         struct error_text *error);

#endif
