#include "config/pointer.h"

#include "config/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN_KEY_MAX 64 /* bytes of a key in a path */

/* A key as a step of a JSON pointer (RFC 6901), fit for a terminal: whatever the file's author
 * wrote, a message stays one line of modest length. */
static void print_key(FILE *stream, const char *key)
{
    const unsigned char *text = (const unsigned char *)key;
    size_t left = strlen(key);
    size_t shown = 0;
    while (left > 0) {
        size_t length = text_utf8_length(text, left);
        length = length ? length : 1;
        if (shown + length > SHOWN_KEY_MAX) {
            fputs("...", stream);
            return;
        }
        if (*text == '~' || *text == '/')
            fputs(*text == '~' ? "~0" : "~1", stream);
        else if (*text < 0x20 || *text == 0x7f || (*text == 0xc2 && text[1] < 0xa0))
            fprintf(stream, "\\u%04x", (unsigned)(*text == 0xc2 ? text[1] : *text));
        else
            (void)fwrite(text, 1, length, stream);
        text += length;
        left -= length;
        shown += length;
    }
}

static void print_path(FILE *stream, const struct place *place)
{
    if (!place->parent)
        return;
    print_path(stream, place->parent);
    fputc('/', stream);
    if (cJSON_IsArray(place->parent->item))
        fprintf(stream, "%zu", place->index);
    else
        print_key(stream, place->item->string);
}

char *pointer_of(const struct place *place)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    if (place->parent)
        print_path(stream, place);
    else
        fputc('/', stream);
    bool failed = ferror(stream) != 0;
    if (fclose(stream) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
