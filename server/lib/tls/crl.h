/* Certificate revocation lists, from a file. Immutable once loaded; any thread.
 *
 * Where there are lists, the peer's own certificate must be covered by one: a list of its issuer
 * that is not out of date. The certificates between it and the root are looked up where a list of
 * their issuer is there, and pass where none is. */
#ifndef ACTPASS_SERVER_TLS_CRL_H
#define ACTPASS_SERVER_TLS_CRL_H

#include "server/lib/base/error.h"

#include <openssl/x509_vfy.h>

/* All lists of a PEM file, at least one. The caller frees them with crl_free. NULL with error. */
STACK_OF(X509_CRL) * crl_load(const char *path, struct tls_error *error);
void crl_free(STACK_OF(X509_CRL) * lists); /* NULL is fine */

/* Makes a store look at them. False: no memory. */
bool crl_use(STACK_OF(X509_CRL) * lists, X509_STORE *store);

/* Has a verification look beyond the peer's own certificate, as far as lists are there. Fine
 * without any. */
void crl_prepare(X509_STORE_CTX *verification);

/* Is this certificate covered and not revoked? For where there is no chain to verify, as when a
 * session is resumed. Who signed the lists is not looked at: they can only forbid. False with
 * error. */
bool crl_allows(STACK_OF(X509_CRL) * lists, const X509 *certificate, struct tls_error *error);

#endif
