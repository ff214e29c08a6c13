/* UTF-8 and paths. */
#include "config/text.h"

#include "config/internal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

const char text_no_memory[] = "out of memory";

/* Of a valid sequence. */
static unsigned code_point(const unsigned char *at, size_t length)
{
    unsigned code = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3fU);
    return code;
}

size_t text_plain_length(const unsigned char *at)
{
    size_t left = strnlen((const char *)at, 4); /* nothing behind a NUL is read */
    size_t length = text_utf8_length(at, left);
    unsigned code = length ? code_point(at, length) : 0;
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool turns = (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                 (code >= 0x2066 && code <= 0x2069);
    return control || turns ? 0 : length;
}

/* Cuts out the middle: the beginning and the end of a path or sentence matter more. */
static void shorten(char *text, size_t length, size_t max)
{
    static const char gap[] = "...";
    size_t head = (max - strlen(gap)) / 3;
    size_t tail = length - (max - strlen(gap) - head);
    while (head > 0 && ((unsigned char)text[head] & 0xc0) == 0x80)
        head--;
    while (((unsigned char)text[tail] & 0xc0) == 0x80)
        tail++;
    memcpy(text + head, gap, strlen(gap));
    memmove(text + head + strlen(gap), text + tail, length - tail + 1);
}

char *text_show(const char *text, size_t max)
{
    char *shown = malloc(strlen(text) * strlen("\\x00") + 1);
    char *end = shown;
    if (!shown)
        return NULL;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t plain = text_plain_length(at);
        if (plain > 0)
            end = mempcpy(end, at, plain);
        else
            end += sprintf(end, "\\x%02x", *at);
        at += plain > 0 ? plain : 1;
    }
    *end = '\0';
    if ((size_t)(end - shown) > max)
        shorten(shown, (size_t)(end - shown), max);
    return shown;
}

size_t text_utf8_length(const unsigned char *text, size_t left)
{
    static const unsigned min_code[] = {0, 0, 0x80, 0x800, 0x10000};
    if (left == 0)
        return 0;
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (length == 0 || length > left || text[0] > 0xf4)
        return 0;
    unsigned code = text[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fU);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < min_code[length] || code > 0x10ffff || surrogate ? 0 : length;
}

bool text_has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return true;
    return false;
}

char *text_path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *result = NULL;
    if (!slash || path[0] == '/')
        return strdup(path);
    if (asprintf(&result, "%.*s%s", (int)(slash - file + 1), file, path) < 0)
        return NULL;
    return result;
}
