/* A text that grows: JSON, and Prometheus' format. It begins as all zero, and bytes that find no
 * memory are lost: `failed` says so at the end. For one thread. */
#ifndef ACTPASS_SERVER_ADMIN_OUT_H
#define ACTPASS_SERVER_ADMIN_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    char *bytes; /* not ended by NUL; NULL: nothing; the owner frees it */
    size_t length, capacity;
    bool failed;
};

void out_put(struct out *out, const char *bytes, size_t length);
void out_text(struct out *out, const char *text);
void out_format(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text as the inside of a quoted label value. Escapes as Prometheus wants it; what is not UTF-8
 * becomes U+FFFD. */
void out_label(struct out *out, const char *text);

/* ---- JSON: commas are put where they belong -------------------------------------------------- */

void out_open(struct out *out, const char *key, char bracket); /* '{' or '['; KEY NULL: an item */
void out_close(struct out *out, char bracket);                 /* '}' or ']' */

/* A member that was written apart; frees it. */
void out_member(struct out *out, struct out *member);

/* Members, or with KEY NULL items. */
void out_string(struct out *out, const char *key, const char *text); /* NULL: null */
void out_number(struct out *out, const char *key, int64_t number);
void out_bool(struct out *out, const char *key, bool value);
void out_ms(struct out *out, const char *key, int64_t us); /* milliseconds; below zero: null */

#endif
