/* What OpenSSL says of a failure, and the text for a lack of memory. The type for an error's text
 * is config's. Any thread. */
#ifndef ACTPASS_SERVER_BASE_ERROR_H
#define ACTPASS_SERVER_BASE_ERROR_H

#include "config/error_text.h"

#include <stdbool.h>

/* Did a call of OpenSSL that failed on this thread fail for lack of memory? Then its other errors
 * are consequences and say nothing about the data. Empties the thread's error queue. If REASON is
 * not NULL, *REASON is what OpenSSL says of the failure, a static string. */
bool openssl_memory_was_short(const char **reason);

/* Writes the sentence for a check of the peer that could not be made for lack of memory: nothing is
 * known about the peer then. Always returns false. */
bool error_set_no_memory(struct error_text *error);

/* Is it that sentence? */
bool error_is_no_memory(const struct error_text *error);

/* What OpenSSL says of the last failure on this thread, a static string. Empties the thread's error
 * queue. */
const char *openssl_reason(void);

#endif
