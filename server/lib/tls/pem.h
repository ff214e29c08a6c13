/* Certificates, revocation lists and keys in PEM form (RFC 7468), from a file or from memory. Never
 * asks for a passphrase on the terminal. Any thread. */
#ifndef ACTPASS_SERVER_TLS_PEM_H
#define ACTPASS_SERVER_TLS_PEM_H

#include "server/lib/base/error.h"

#include <openssl/evp.h>
#include <stddef.h>

struct pem_source {
    const char *what; /* the configuration's key for it, for messages */
    const char *text; /* the file's path, or the PEM text */
    bool in_memory;
};

/* What messages call it: the path, or "in memory". */
const char *pem_name(const struct pem_source *source);

/* Where the passphrase of an encrypted key comes from: a file, or the user's callback, which writes
 * it to BUFFER, without a NUL, and returns its length, or -1: there is none. */
struct pem_passphrase {
    int (*call)(const char *name, char *buffer, size_t size, void *arg); /* NULL: none */
    void *arg;
    const char *file; /* as in secret_read; then CALL is not asked; NULL: none */
};

/* All certificates, in their order, one or more. The caller frees them with sk_X509_pop_free. NULL
 * with error. */
STACK_OF(X509) * pem_certificates(const struct pem_source *source, struct error_text *error);

/* The same for certificate revocation lists, for the key "crl"; freed with sk_X509_CRL_pop_free. */
STACK_OF(X509_CRL) * pem_crls(const char *path, struct error_text *error);

/* The first private key. A file of it must be private (config/private_file.h). PASSPHRASE is asked
 * once if the key is encrypted. The caller frees the key with EVP_PKEY_free. NULL with error. */
EVP_PKEY *pem_key(const struct pem_source *source, const struct pem_passphrase *passphrase,
                  struct error_text *error);

/* Has the text in memory a private key in it? Does not decrypt it. False with error. */
bool pem_has_key(const struct pem_source *source, struct error_text *error);

#endif
