#include "server/daemon/starttls/protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void starttls_set_answer(struct starttls_talk *talk, const void *bytes, size_t size)
{
    memcpy(talk->answer.bytes, bytes, size);
    talk->answer.size = size;
}

bool starttls_print_answer(struct starttls_talk *talk, const char *format, ...)
{
    char text[STARTTLS_ANSWER_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || length > STARTTLS_ANSWER_MAX)
        return false;
    starttls_set_answer(talk, text, (size_t)length);
    return true;
}

enum starttls_next starttls_send(struct starttls_talk *talk, size_t used)
{
    talk->used = used;
    if (talk->turns++ < STARTTLS_TURNS_MAX)
        return STARTTLS_SEND;
    return starttls_wrong(talk, "the peer has sent %d requests without beginning TLS",
                          STARTTLS_TURNS_MAX);
}

enum starttls_next starttls_wrong(struct starttls_talk *talk, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(talk->why.text, sizeof(talk->why.text), format, arguments);
    va_end(arguments);
    return STARTTLS_WRONG;
}

struct starttls_quote starttls_quote(const void *bytes, size_t size)
{
    struct starttls_quote quote = {.text = ""};
    const unsigned char *from = bytes;
    size_t length = size < 80 ? size : 80;
    memset(quote.text, '?', length);
    for (size_t i = 0; i < length; i++)
        if (from[i] >= ' ' && from[i] < 0x7f && from[i] != '"')
            quote.text[i] = (char)from[i];
    if (size > length)
        memcpy(quote.text + length, "...", 4);
    return quote;
}
