/* UTF-8 and paths. */
#include "config/internal.h"

#include <stdio.h>

size_t utf8_length(const unsigned char *text, size_t left)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
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
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return true;
    }
    return false;
}

char *path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *result = NULL;
    if (!slash || path[0] == '/')
        return strdup(path);
    if (asprintf(&result, "%.*s%s", (int)(slash - file + 1), file, path) < 0)
        return NULL;
    return result;
}
