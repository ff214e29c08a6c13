/* The session-id context: a session made in one role or under one policy is never resumed in
 * another (hazards 32 and 33). Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_SCOPE_H
#define ACTPASS_SERVER_SESSIONS_SCOPE_H

#include "config/config.h"
#include "relay/verdict.h"

#include <openssl/x509.h>
#include <stdint.h>

enum { SCOPE_SIZE = 32 };

/* Derives the scope from the role and from all that decides which peers we accept and who we are:
 * names, pins, versions, ciphers, CA certificates (NULL: none, or the system's), client
 * authentication, our own certificate (NULL: none). False: no memory. */
bool scope_of(const struct config_tls *tls, enum role role, const STACK_OF(X509) * ca,
              const X509 *own, uint8_t scope[SCOPE_SIZE]);

/* The same of only what the peer's chain is judged by: the CA certificates and the revocation lists
 * (each NULL: none), and FLAGS. */
bool scope_of_chain(const STACK_OF(X509) * ca, const STACK_OF(X509_CRL) * lists, uint8_t flags,
                    uint8_t scope[SCOPE_SIZE]);

/* Makes the scope that of one service; "" changes nothing. False: no memory. */
bool scope_narrow(uint8_t scope[SCOPE_SIZE], const char *service);

/* Makes the scope that of one set of revocation lists, since other lists may revoke CA
 * certificates, which a session does not contain. NULL changes nothing. False: no memory. */
bool scope_narrow_by_crl(uint8_t scope[SCOPE_SIZE], const STACK_OF(X509_CRL) * lists);

#endif
