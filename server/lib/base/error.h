/* What OpenSSL says of a failure, and the text for a lack of memory. The type for an error's text
 * is config's. Any thread. */
#ifndef ACTPASS_SERVER_BASE_ERROR_H
#define ACTPASS_SERVER_BASE_ERROR_H

#include "config/error_text.h"

#include <stdbool.h>

/* Empties the thread's error queue after a call of OpenSSL failed. Returns true if it failed for
 * lack of memory: then its other errors are consequences and say nothing about the data. If REASON
 * is not NULL, *REASON is what OpenSSL says of the failure, a static string. */
bool openssl_take_memory_error(const char **reason);

/* Writes the sentence for a check of the peer that could not be made for lack of memory, with the
 * code ERROR_NO_MEMORY: nothing is known about the peer then. Always returns false. */
bool error_set_no_memory(struct error_text *error);

/* What OpenSSL says of the last failure on this thread, a static string. Empties the thread's error
 * queue. */
const char *openssl_reason(void);

#endif
