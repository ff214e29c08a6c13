#include "server/daemon/handlers/http/path.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Takes one byte off the text. -1: the byte is not allowed in a path. */
static int next_byte(struct http_text *text)
{
    int byte = (unsigned char)text->at[0];
    size_t taken = 1;
    bool encoded = byte == '%';
    if (encoded) {
        int high = text->length > 2 ? hex_digit(text->at[1]) : -1;
        int low = text->length > 2 ? hex_digit(text->at[2]) : -1;
        if (high < 0 || low < 0)
            return -1;
        byte = high * 16 + low;
        taken = 3;
    }
    text->at += taken;
    text->length -= taken;
    bool refused = byte < ' ' || byte == 127 || byte == '\\' || (encoded && byte == '/');
    return refused ? -1 : byte;
}

/* Ends the part that begins at START, and returns where the next one begins. "" and "." are left
 * out. False: "..". */
static bool end_part(char *path, size_t *start, size_t *end)
{
    size_t length = *end - *start;
    const char *part = path + *start;
    if (length == 2 && memcmp(part, "..", 2) == 0)
        return false;
    if (length == 0 || (length == 1 && part[0] == '.')) {
        *end = *start;
        return true;
    }
    path[(*end)++] = '/';
    *start = *end;
    return true;
}

bool http_path_read(struct http_text text, char path[HTTP_PATH_MAX])
{
    size_t start = 1; /* of the current part */
    size_t end = 1;
    if (text.length >= HTTP_PATH_MAX - 2)
        return false;
    path[0] = '/';
    while (text.length > 0) {
        bool slash = text.at[0] == '/';
        int byte = next_byte(&text);
        if (byte < 0 || (slash && !end_part(path, &start, &end)))
            return false;
        if (!slash)
            path[end++] = (char)byte;
    }
    size_t length = end - start;
    if (length == 2 && memcmp(path + start, "..", 2) == 0)
        return false;
    if (length == 1 && path[start] == '.')
        end = start;
    path[end] = '\0';
    return true;
}

bool http_path_encode(const char *path, const char *after, char *text, size_t size)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    size_t length = 0;
    for (; *path != '\0'; path++) {
        const char *form = strchr(plain, *path) ? "%c" : "%%%02X";
        length += (size_t)snprintf(text + length, size - length, form, (unsigned char)*path);
        if (length >= size)
            return false;
    }
    return (size_t)snprintf(text + length, size - length, "%s", after) < size - length;
}
