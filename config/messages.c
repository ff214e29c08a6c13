#include "config/messages.h"

#include "config/internal.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN_KEY_MAX 64 /* bytes of a key in a path */

void messages_init(struct messages *messages, const char *file)
{
    struct config_strings *reserve = &messages->no_memory;
    *messages = (struct messages){.file = file, .shown_file = text_show(file, TEXT_PATH_MAX)};
    reserve->items = calloc(1, sizeof(*reserve->items));
    if (reserve->items && messages->shown_file &&
        asprintf(&reserve->items[0], "%s: out of memory", messages->shown_file) >= 0) {
        reserve->count = 1;
        return;
    }
    free(reserve->items);
    reserve->items = NULL;
    messages->out_of_memory = true;
}

/* Takes the text, which may have values of the configuration in it. */
static void add(struct messages *messages, struct position at, enum severity severity, char *raw)
{
    char *text = text_show(raw, TEXT_LINE_MAX);
    free(raw);
    if (!text) {
        messages->out_of_memory = true;
        return;
    }
    if (messages->count == messages->capacity) {
        size_t capacity = messages->capacity ? messages->capacity * 2 : 16;
        struct message *items = reallocarray(messages->items, capacity, sizeof(*items));
        if (!items) {
            messages->out_of_memory = true;
            free(text);
            return;
        }
        messages->items = items;
        messages->capacity = capacity;
    }
    messages->items[messages->count] =
        (struct message){.at = at, .order = messages->count, .severity = severity, .text = text};
    messages->count++;
    messages->failed = messages->failed || severity == SEVERITY_ERROR;
}

static void print_position(FILE *stream, const char *file, struct position at)
{
    if (!file) /* out of memory, which is reported alone */
        return;
    if (at.line)
        fprintf(stream, "%s:%u:%u: ", file, at.line, at.column);
    else
        fprintf(stream, "%s: ", file);
}

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

__attribute__((format(printf, 5, 0))) static void
add_about(struct messages *messages, const struct place *place, struct position at,
          enum severity severity, const char *format, va_list arguments)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        messages->out_of_memory = true;
        return;
    }
    print_position(stream, messages->shown_file, at);
    if (severity == SEVERITY_WARNING)
        fputs("warning: ", stream);
    if (place->parent)
        print_path(stream, place);
    else
        fputc('/', stream);
    fputs(": ", stream);
    vfprintf(stream, format, arguments);
    bool failed = ferror(stream) != 0;
    failed = fclose(stream) != 0 || failed;
    if (failed) {
        messages->out_of_memory = true;
        free(text);
        return;
    }
    add(messages, at, severity, text);
}

void messages_error_at_key(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    place->bad = true;
    add_about(messages, place, place->key, SEVERITY_ERROR, format, arguments);
    va_end(arguments);
}

void messages_error_at(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    place->bad = true;
    add_about(messages, place, place->value, SEVERITY_ERROR, format, arguments);
    va_end(arguments);
}

void messages_warning_at(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_about(messages, place, place->value, SEVERITY_WARNING, format, arguments);
    va_end(arguments);
}

void messages_error_plain(struct messages *messages, struct position at, const char *text)
{
    char *line = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&line, &size);
    if (!stream) {
        messages->out_of_memory = true;
        return;
    }
    print_position(stream, messages->shown_file, at);
    fputs(text, stream);
    if (fclose(stream) != 0) {
        messages->out_of_memory = true;
        free(line);
        return;
    }
    add(messages, at, SEVERITY_ERROR, line);
}

static int compare(const void *left, const void *right)
{
    const struct message *a = left;
    const struct message *b = right;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* Moves the texts of one severity. */
static void move(struct messages *messages, enum severity severity, struct config_strings *to)
{
    size_t count = 0;
    for (size_t i = 0; i < messages->count; i++)
        count += messages->items[i].severity == severity;
    if (count == 0 || messages->out_of_memory)
        return;
    to->items = calloc(count, sizeof(*to->items));
    if (!to->items) {
        messages->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < messages->count; i++) {
        if (messages->items[i].severity == severity) {
            to->items[to->count++] = messages->items[i].text;
            messages->items[i].text = NULL;
        }
    }
}

static void messages_free(struct messages *messages)
{
    for (size_t i = 0; i < messages->count; i++)
        free(messages->items[i].text);
    free(messages->items);
    config_strings_free(&messages->no_memory);
    free(messages->shown_file);
    *messages = (struct messages){0};
}

bool messages_finish(struct messages *messages, struct config_report *report)
{
    *report = (struct config_report){0};
    if (messages->count)
        qsort(messages->items, messages->count, sizeof(*messages->items), compare);
    move(messages, SEVERITY_WARNING, &report->warnings);
    move(messages, SEVERITY_ERROR, &report->errors);
    bool failed = messages->failed || messages->out_of_memory;
    if (messages->out_of_memory) {
        config_report_free(report);
        report->errors = messages->no_memory;
        messages->no_memory = (struct config_strings){0};
    }
    messages_free(messages);
    return failed;
}
