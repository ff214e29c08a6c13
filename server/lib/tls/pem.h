/* Certificates, revocation lists and keys in PEM form (RFC 7468), from a file or from memory. Never
 * asks for a passphrase on the terminal. Any thread. */
#ifndef ACTPASS_SERVER_TLS_PEM_H
#define ACTPASS_SERVER_TLS_PEM_H

#include "server/lib/base/error.h"
#include "server/lib/tls/passphrase.h"

#include <openssl/evp.h>
#include <stddef.h>

struct pem_source {
    const char *what; /* the configuration's key for it, for messages */
    const char *text; /* the file's path, or the PEM text */
    bool in_memory;
};

/* What messages call it: the path, or "in memory". */
const char *pem_name(const struct pem_source *source);

/* All certificates, in their order, one or more. The caller frees them with sk_X509_pop_free. NULL
 * with error. */
STACK_OF(X509) * pem_certificates(const struct pem_source *source, struct error_text *error);

/* The same for certificate revocation lists, for the key "crl"; freed with sk_X509_CRL_pop_free. */
STACK_OF(X509_CRL) * pem_crls(const char *path, struct error_text *error);

/* The first private key, or the one of a "store:URI" (store_key.h). A file of it must be private
 * (config/private_file.h). PASSPHRASE is asked once if the key is encrypted. The caller frees the
 * key with EVP_PKEY_free. NULL with error. */
EVP_PKEY *pem_key(const struct pem_source *source, const struct pem_passphrase *passphrase,
                  struct error_text *error);

/* Has the text in memory a private key in it? Does not decrypt it. False with error. */
bool pem_has_key(const struct pem_source *source, struct error_text *error);

#endif
