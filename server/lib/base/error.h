/* The one type for an error's text, and what OpenSSL says of a failure. Any thread. */
#ifndef ACTPASS_SERVER_BASE_ERROR_H
#define ACTPASS_SERVER_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

/* One sentence: what is wrong, where, and what to do. The caller provides it; a function that fills
 * it on failure leaves it unchanged on success. */
struct tls_error {
    char text[512];
};

/* Writes the sentence. Truncates it if it is too long, and replaces each control character, since
 * parts of it may come from a peer. Always returns false. */
__attribute__((format(printf, 2, 3))) bool tls_fail(struct tls_error *error, const char *format,
                                                    ...);

__attribute__((format(printf, 2, 0))) bool tls_vfail(struct tls_error *error, const char *format,
                                                     va_list arguments);

/* Did a call of OpenSSL that failed on this thread fail for lack of memory? Then its other errors
 * are consequences and say nothing about the data. Empties the thread's error queue. If REASON is
 * not NULL, *REASON is what OpenSSL says of the failure, a static string. */
bool tls_memory_was_short(const char **reason);

/* Writes the sentence for a check of the peer that could not be made for lack of memory: nothing is
 * known about the peer then. Always returns false. */
bool tls_fail_for_memory(struct tls_error *error);

/* Is it that sentence? */
bool tls_failed_for_memory(const struct tls_error *error);

/* What OpenSSL says of the last failure on this thread, a static string. Empties the thread's error
 * queue. */
const char *tls_openssl_reason(void);

#endif
