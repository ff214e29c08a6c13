/* The one type for an error's text, for config and for everything above it. Any thread. */
#ifndef ACTPASS_CONFIG_ERROR_TEXT_H
#define ACTPASS_CONFIG_ERROR_TEXT_H

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

#endif
