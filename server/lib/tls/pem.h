/* PEM files: certificates, revocation lists and keys. Never asks for a passphrase. Any thread. */
#ifndef ACTPASS_SERVER_TLS_PEM_H
#define ACTPASS_SERVER_TLS_PEM_H

#include "server/lib/base/error.h"

#include <openssl/evp.h>

/* All certificates of a file, in its order, one or more. WHAT is the configuration's key for the
 * file, for messages. The caller frees them with sk_X509_pop_free. NULL with error. */
STACK_OF(X509) * pem_certificates(const char *what, const char *path, struct error_text *error);

/* The same for certificate revocation lists, for the key "crl"; freed with sk_X509_CRL_pop_free. */
STACK_OF(X509_CRL) * pem_crls(const char *path, struct error_text *error);

/* The first private key of a file, which must be private (config/private_file.h). The caller frees
 * it with EVP_PKEY_free. NULL with error. */
EVP_PKEY *pem_key(const char *path, struct error_text *error);

#endif
