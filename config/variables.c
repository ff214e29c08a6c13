#include "config/variables.h"

#include "config/internal.h"
#include "config/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 65536 }; /* bytes of one string, with all that was put into it */

/* One string. */
struct expansion {
    struct messages *messages;
    struct place *place;
    FILE *out;
    size_t size;
};

/* Appends; false with a message if it becomes too long. */
static bool put(struct expansion *expansion, const char *text, size_t size)
{
    expansion->size += size;
    if (expansion->size > VALUE_MAX) {
        messages_error_at(expansion->messages, expansion->place,
                          "is longer than %d bytes with its variables", VALUE_MAX);
        return false;
    }
    return fwrite(text, 1, size, expansion->out) == size;
}

/* What the variable stands for may come from anywhere. */
static bool is_text(const char *text, size_t size)
{
    while (size > 0) {
        size_t length = text_utf8_length((const unsigned char *)text, size);
        if (length == 0 || *text == '\0')
            return false;
        text += length;
        size -= length;
    }
    return true;
}

static bool put_value(struct expansion *expansion, const char *what, const char *name,
                      const char *text, size_t size)
{
    if (is_text(text, size))
        return put(expansion, text, size);
    messages_error_at(expansion->messages, expansion->place, "the %s %s holds no UTF-8 text", what,
                      name);
    return false;
}

static bool put_environment(struct expansion *expansion, const char *name)
{
    const char *value = secure_getenv(name);
    if (value)
        return put_value(expansion, "environment variable", name, value, strlen(value));
    messages_error_at(expansion->messages, expansion->place,
                      "the environment variable %s is not set", name);
    return false;
}

/* Without the end of its last line, which editors add. */
static size_t without_line_end(const char *text, size_t size)
{
    if (size > 0 && text[size - 1] == '\n')
        size--;
    return size > 0 && text[size - 1] == '\r' ? size - 1 : size;
}

static bool put_content(struct expansion *expansion, const char *path, char *buffer)
{
    char reason[128];
    messages_note_source(expansion->messages, path);
    ssize_t size = read_regular(path, buffer, VALUE_MAX + 1);
    if (size < 0)
        messages_error_at(expansion->messages, expansion->place, "the file %s cannot be read: %s",
                          path, strerror_r(errno, reason, sizeof(reason)));
    return size >= 0 &&
           put_value(expansion, "file", path, buffer, without_line_end(buffer, (size_t)size));
}

static bool put_file(struct expansion *expansion, const char *name)
{
    const char *beside = origin_name(expansion->messages->origin, expansion->place->value);
    char *path = text_path_beside(beside, name);
    char *buffer = malloc(VALUE_MAX + 1);
    bool fine = false;
    if (path && buffer)
        fine = put_content(expansion, path, buffer);
    else
        expansion->messages->out_of_memory = true;
    if (buffer)
        explicit_bzero(buffer, VALUE_MAX + 1);
    free(buffer);
    free(path);
    return fine;
}

static bool is_name(const char *name)
{
    bool digit_first = name[0] >= '0' && name[0] <= '9';
    return name[0] != '\0' && !digit_first && name[names_span(name, "_")] == '\0';
}

/* TEXT is what is inside the braces. */
static bool put_variable(struct expansion *expansion, const char *text)
{
    if (strncmp(text, "env:", 4) == 0 && is_name(text + 4))
        return put_environment(expansion, text + 4);
    if (strncmp(text, "file:", 5) == 0 && text[5] != '\0')
        return put_file(expansion, text + 5);
    messages_error_at(
        expansion->messages, expansion->place,
        "${%s} is no variable; known are ${env:NAME} and ${file:PATH}, and $${ stands "
        "for ${",
        text);
    return false;
}

/* At "${". *TEXT is then behind it. */
static bool expand_one(struct expansion *expansion, const char **text)
{
    const char *begin = *text + 2;
    size_t length = strcspn(begin, "}");
    if (begin[length] == '\0') {
        messages_error_at(expansion->messages, expansion->place,
                          "a variable begins with ${ and is not closed; write $${ for ${");
        return false;
    }
    char *name = strndup(begin, length);
    bool fine = name && put_variable(expansion, name);
    expansion->messages->out_of_memory = expansion->messages->out_of_memory || !name;
    free(name);
    *text = begin + length + 1;
    return fine;
}

static bool expand_text(struct expansion *expansion, const char *text)
{
    bool fine = true;
    while (fine && *text) {
        if (strncmp(text, "$${", 3) == 0) {
            fine = put(expansion, "${", 2);
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            fine = expand_one(expansion, &text);
        } else {
            size_t plain = 1 + strcspn(text + 1, "$");
            fine = put(expansion, text, plain);
            text += plain;
        }
    }
    return fine;
}

/* Stores it in place of the string. */
static void replace(struct expansion *expansion, const char *text)
{
    cJSON *item = (cJSON *)expansion->place->item; /* the origin's own */
    char *written = strdup(item->valuestring);
    if (!written || !cJSON_SetValuestring(item, text)) {
        free(written);
        expansion->messages->out_of_memory = true;
        return;
    }
    expansion->place->written = written;
}

static void expand_string(struct messages *messages, struct place *place)
{
    char *text = NULL;
    size_t size = 0;
    struct expansion expansion = {
        .messages = messages, .place = place, .out = open_memstream(&text, &size)};
    if (!expansion.out) {
        messages->out_of_memory = true;
        return;
    }
    bool fine = expand_text(&expansion, cJSON_GetStringValue(place->item));
    bool closed = fclose(expansion.out) == 0;
    if (!closed || (!fine && !place->bad))
        messages->out_of_memory = true;
    else if (fine)
        replace(&expansion, text);
    place->unread = !fine;
    if (text)
        explicit_bzero(text, size);
    free(text);
}

void variables_expand(struct messages *messages, struct place *place)
{
    const char *text = cJSON_GetStringValue(place->item);
    if (text && strstr(text, "${"))
        expand_string(messages, place);
    for (struct place *child = place->child; child; child = child->next)
        variables_expand(messages, child);
}
