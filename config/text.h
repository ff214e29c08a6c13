/* Text that may come from anywhere, made fit for a terminal and for a log. Pure functions, any
 * thread. */
#ifndef ACTPASS_CONFIG_TEXT_H
#define ACTPASS_CONFIG_TEXT_H

#include <stddef.h>

enum { TEXT_PATH_MAX = 200, TEXT_LINE_MAX = 1024 }; /* of paths within a line, and of lines */

/* The length in bytes of the UTF-8 character there if it may be part of a line as it is. 0 for a
 * byte that must be escaped: controls, broken sequences, and characters that end a line or turn the
 * direction of writing. */
size_t text_plain_length(const unsigned char *at);

/* A copy of at most MAX bytes, with `\x1b` for what must be escaped and `...` for the middle of
 * what is longer; the caller frees it. NULL: out of memory. */
char *text_show(const char *text, size_t max);

#endif
