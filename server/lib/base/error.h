/* The one type for an error's text, and what OpenSSL says of a failure. Any thread. */
#ifndef ACTPASS_SERVER_BASE_ERROR_H
#define ACTPASS_SERVER_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/* One sentence: what is wrong, where, and what to do. The caller provides it; a function that fills
 * it on failure leaves it unchanged on success. */
struct error_text {
    char text[512];
};

/* Writes the sentence. Truncates it if it is too long, and replaces each control character, since
 * parts of it may come from a peer. Always returns false. */
__attribute__((format(printf, 2, 3))) bool error_set(struct error_text *error, const char *format,
                                                     ...);

__attribute__((format(printf, 2, 0))) bool error_vset(struct error_text *error, const char *format,
                                                      va_list arguments);

/* Empties the thread's error queue after a call of OpenSSL failed. Returns true if it failed for
 * lack of memory: then its other errors are consequences and say nothing about the data. If REASON
 * is not NULL, *REASON is what OpenSSL says of the failure, a static string. */
bool openssl_take_memory_error(const char **reason);

/* Writes the sentence for a check of the peer that could not be made for lack of memory: nothing is
 * known about the peer then. Always returns false. */
bool error_set_no_memory(struct error_text *error);

/* Is it that sentence? */
bool error_is_no_memory(const struct error_text *error);

/* What OpenSSL says of the last failure on this thread, a static string. Empties the thread's error
 * queue. */
const char *openssl_reason(void);

#endif
