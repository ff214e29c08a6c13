#include "server/daemon/admin/out.h"

#include "config/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 4096 };

static bool reserve(struct out *out, size_t more)
{
    size_t capacity = out->capacity ? out->capacity : FIRST;
    while (capacity - out->length < more)
        capacity *= 2;
    char *bytes = capacity == out->capacity ? out->bytes : realloc(out->bytes, capacity);
    if (!bytes) {
        out->failed = true;
        return false;
    }
    out->bytes = bytes;
    out->capacity = capacity;
    return true;
}

void out_put(struct out *out, const char *bytes, size_t length)
{
    if (length == 0 || !reserve(out, length))
        return;
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

void out_text(struct out *out, const char *text)
{
    out_put(out, text, strlen(text));
}

/* For numbers and short names. */
void out_format(struct out *out, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(text))
        out->failed = true;
    else
        out_put(out, text, (size_t)length);
}

/* Puts what may stand as it is, and returns its length; 0: nothing. */
static size_t put_plain(struct out *out, const unsigned char *at)
{
    size_t plain = *at == '"' || *at == '\\' ? 0 : text_plain_length(at);
    out_put(out, (const char *)at, plain);
    return plain;
}

void out_label(struct out *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        size_t plain = put_plain(out, at);
        if (*at == '"' || *at == '\\')
            out_format(out, "\\%c", *at);
        else if (plain == 0)
            out_text(out, *at == '\n' ? "\\n" : "\xef\xbf\xbd");
        at += plain > 0 ? plain : 1;
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_quoted(struct out *out, const char *text)
{
    out_text(out, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        size_t plain = put_plain(out, at);
        if (*at == '"' || *at == '\\')
            out_format(out, "\\%c", *at);
        else if (plain == 0)
            out_format(out, "\\u%04x", *at < 0x80 ? *at : 0xfffdU);
        at += plain > 0 ? plain : 1;
    }
    out_text(out, "\"");
}

static void put_key(struct out *out, const char *key)
{
    const char *last = out->length > 0 ? &out->bytes[out->length - 1] : "[";
    if (*last != '{' && *last != '[')
        out_text(out, ",");
    if (!key)
        return;
    put_quoted(out, key);
    out_text(out, ":");
}

void out_open(struct out *out, const char *key, char bracket)
{
    put_key(out, key);
    out_put(out, &bracket, 1);
}

void out_close(struct out *out, char bracket)
{
    out_put(out, &bracket, 1);
}

void out_member(struct out *out, struct out *member)
{
    put_key(out, NULL);
    out_put(out, member->bytes, member->length);
    out->failed = out->failed || member->failed;
    free(member->bytes);
    *member = (struct out){.length = 0};
}

void out_string(struct out *out, const char *key, const char *text)
{
    put_key(out, key);
    if (text)
        put_quoted(out, text);
    else
        out_text(out, "null");
}

void out_number(struct out *out, const char *key, int64_t number)
{
    put_key(out, key);
    out_format(out, "%" PRId64, number);
}

void out_bool(struct out *out, const char *key, bool value)
{
    put_key(out, key);
    out_text(out, value ? "true" : "false");
}

/* No floating point, whose sign for the fraction depends on the locale. */
void out_ms(struct out *out, const char *key, int64_t us)
{
    enum { US = 1000 };
    put_key(out, key);
    if (us < 0)
        out_text(out, "null");
    else if (us % US == 0)
        out_format(out, "%" PRId64, us / US);
    else
        out_format(out, "%" PRId64 ".%03d", us / US, (int)(us % US));
}
