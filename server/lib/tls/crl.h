/* Certificate revocation lists (RFC 5280) from a file. Immutable once loaded; any thread.
 *
 * With lists, one must cover the peer's own certificate: a list of its issuer that is not out of
 * date. A CA certificate between it and the root is checked if there is a list of its issuer, and
 * passes otherwise. */
#ifndef ACTPASS_SERVER_TLS_CRL_H
#define ACTPASS_SERVER_TLS_CRL_H

#include "server/lib/base/error.h"

#include <openssl/x509_vfy.h>

/* All lists of a PEM file, one or more. The caller frees them with crl_free. NULL with error. */
STACK_OF(X509_CRL) * crl_load(const char *path, struct error_text *error);
void crl_free(STACK_OF(X509_CRL) * lists); /* may be NULL */

/* Adds them to a store. False: no memory. */
bool crl_use(STACK_OF(X509_CRL) * lists, X509_STORE *store);

/* Lets a verification pass CA certificates without a list. To be called before it, with or without
 * lists. */
void crl_prepare(X509_STORE_CTX *verification);

/* Is this certificate covered and not revoked? For a certificate without a chain, as in a resumed
 * session. The signatures of the lists are not verified: a forged list can only refuse. False with
 * error. */
bool crl_allows(STACK_OF(X509_CRL) * lists, const X509 *certificate, struct error_text *error);

#endif
