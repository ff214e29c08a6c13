/* How a struct tls_error is filled. Any thread. */
#ifndef ACTPASS_SERVER_TLS_ERROR_H
#define ACTPASS_SERVER_TLS_ERROR_H

#include "server/tls/policy.h"

/* Writes the sentence, cut where it is too long and with every control character replaced: parts of
 * it may be a peer's. Returns false. */
__attribute__((format(printf, 2, 3))) bool tls_fail(struct tls_error *error, const char *format,
                                                    ...);

/* What OpenSSL says of the last failure on this thread, whose queue is emptied. Lives for ever. */
const char *tls_openssl_reason(void);

#endif
