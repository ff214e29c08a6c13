/* How a struct tls_error is filled. Any thread. */
#ifndef ACTPASS_SERVER_TLS_ERROR_H
#define ACTPASS_SERVER_TLS_ERROR_H

#include "server/lib/tls/policy.h"

/* Writes the sentence, cut where it is too long and with every control character replaced: parts of
 * it may be a peer's. Returns false. */
__attribute__((format(printf, 2, 3))) bool tls_fail(struct tls_error *error, const char *format,
                                                    ...);

/* Was memory short in a call to OpenSSL that failed on this thread? Then the other errors come from
 * that, and say nothing of what was looked at. Empties the thread's queue; reason, if not NULL,
 * gets what OpenSSL says of the failure. */
bool tls_memory_was_short(const char **reason);

/* Writes the sentence for a check of the peer that could not be made for want of memory: nothing is
 * known of the peer then. Returns false. */
bool tls_fail_for_memory(struct tls_error *error);

/* Was it that sentence? */
bool tls_failed_for_memory(const struct tls_error *error);

/* What OpenSSL says of the last failure on this thread, whose queue is emptied. Lives for ever. */
const char *tls_openssl_reason(void);

#endif
