/* The one type for an error's text, for config and for everything above it. Any thread. */
#ifndef ACTPASS_CONFIG_ERROR_TEXT_H
#define ACTPASS_CONFIG_ERROR_TEXT_H

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_OTHER,     /* only the sentence says which */
    ERROR_NO_MEMORY, /* says nothing about the data, which may be right */
    ERROR_PASSPHRASE /* the passphrase, or the PIN, is wrong */
};

/* One sentence: what is wrong, where, and what to do; and a code for what a caller handles apart.
 * The caller provides it; a function that fills it on failure leaves it unchanged on success. */
struct error_text {
    char text[512];
    enum error_code code;
};

/* Writes the sentence, with the code ERROR_OTHER. Truncates it if it is too long, and replaces each
 * control character, since parts of it may come from a peer. Always returns false. */
__attribute__((format(printf, 2, 3))) bool error_set(struct error_text *error, const char *format,
                                                     ...);

__attribute__((format(printf, 2, 0))) bool error_vset(struct error_text *error, const char *format,
                                                      va_list arguments);

/* The same with a code. */
__attribute__((format(printf, 3, 4))) bool
error_set_code(struct error_text *error, enum error_code code, const char *format, ...);

bool error_is_no_memory(const struct error_text *error);

#endif
