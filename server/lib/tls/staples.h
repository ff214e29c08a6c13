/* The OCSP responses that a TLS server shows beside its certificates (stapling, RFC 6066 section
 * 8), which are fetched in the background (../ocsp/). Constant once in use; then any thread. */
#ifndef ACTPASS_SERVER_TLS_STAPLES_H
#define ACTPASS_SERVER_TLS_STAPLES_H

#include "server/lib/ocsp/ocsp.h"
#include "server/lib/tls/identity.h"

struct staples;

/* OCSP must outlive them, and what LOG is called with (NULL: nobody wants to know). NULL: no
 * memory. */
struct staples *staples_new(struct ocsp *ocsp, struct ocsp_source *source,
                            void (*log)(const char *text, void *arg), void *arg);
void staples_free(struct staples *staples); /* may be NULL */

/* Keeps responses for this certificate. Its issuer is in its chain, or one of CA, which may be
 * NULL. One of which nothing can be asked is logged and left out. False: no memory. */
bool staples_add(struct staples *staples, const struct identity *identity,
                 const STACK_OF(X509) * ca);

/* Makes a server's context show them to clients that ask. */
void staples_use(struct staples *staples, SSL_CTX *ctx);

/* As ocsp_staple_until, of one that was added; STAPLES may be NULL. */
int64_t staples_until(const struct staples *staples, const X509 *certificate);

/* Must clients refuse this certificate without a response (RFC 7633, "must staple")? */
bool staples_are_required(const X509 *certificate);

#endif
