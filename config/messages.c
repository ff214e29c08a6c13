#include "config/messages.h"

#include "config/internal.h"
#include "config/pointer.h"
#include "config/report.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool reserve_line(struct config_strings *reserve, const char *shown)
{
    reserve->items = calloc(1, sizeof(*reserve->items));
    if (reserve->items && asprintf(&reserve->items[0], "%s: out of memory", shown) >= 0) {
        reserve->count = 1;
        return true;
    }
    free(reserve->items);
    reserve->items = NULL;
    return false;
}

void messages_init(struct messages *messages, const char *file)
{
    *messages = (struct messages){.origin = calloc(1, sizeof(*messages->origin))};
    if (messages->origin && origin_add(messages->origin, file) &&
        reserve_line(&messages->no_memory, messages->origin->files[0].shown))
        return;
    origin_free(messages->origin);
    messages->origin = NULL;
    messages->out_of_memory = true;
}

static bool make_room(struct messages *messages)
{
    if (messages->count < messages->capacity)
        return true;
    size_t capacity = messages->capacity ? messages->capacity * 2 : 16;
    struct config_message *items = reallocarray(messages->items, capacity, sizeof(*items));
    if (!items)
        return false;
    messages->items = items;
    messages->capacity = capacity;
    return true;
}

static void add(struct messages *messages, const struct place *place, struct position at,
                enum config_severity severity, const char *text)
{
    struct config_message message;
    if (!messages->origin || !make_room(messages) ||
        !message_make(messages->origin, place, at, severity, text, &message)) {
        messages->out_of_memory = true;
        return;
    }
    message.order = messages->count;
    messages->items[messages->count++] = message;
    messages->failed = messages->failed || severity == CONFIG_ERROR;
}

__attribute__((format(printf, 5, 0))) static void
add_about(struct messages *messages, const struct place *place, struct position at,
          enum config_severity severity, const char *format, va_list arguments)
{
    char *text = NULL;
    if (place->unread)
        return;
    if (vasprintf(&text, format, arguments) < 0) {
        messages->out_of_memory = true;
        return;
    }
    add(messages, place, at, severity, text);
    free(text);
}

void messages_error_at_key(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    place->bad = true;
    add_about(messages, place, place->key, CONFIG_ERROR, format, arguments);
    va_end(arguments);
}

void messages_error_at(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    place->bad = true;
    add_about(messages, place, place->value, CONFIG_ERROR, format, arguments);
    va_end(arguments);
}

void messages_warning_at(struct messages *messages, struct place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_about(messages, place, place->value, CONFIG_WARNING, format, arguments);
    va_end(arguments);
}

void messages_error_plain(struct messages *messages, struct position at, const char *text)
{
    add(messages, NULL, at, CONFIG_ERROR, text);
}

struct position_text messages_position(const struct messages *messages, struct position at,
                                       struct position from)
{
    struct position_text result;
    if (at.file == from.file)
        (void)snprintf(result.text, sizeof(result.text), "%u:%u", at.line, at.column);
    else
        (void)snprintf(result.text, sizeof(result.text), "%s:%u:%u",
                       origin_shown(messages->origin, at), at.line, at.column);
    return result;
}

static void messages_free(struct messages *messages)
{
    for (size_t i = 0; i < messages->count; i++)
        message_free(&messages->items[i]);
    free(messages->items);
    config_strings_free(&messages->no_memory);
    config_strings_free(&messages->sources);
    *messages = (struct messages){.origin = messages->origin};
}

void messages_note_source(struct messages *messages, const char *path)
{
    char *source = strdup(path);
    if (source && config_strings_insert(&messages->sources, messages->sources.count, source))
        return;
    free(source);
    messages->out_of_memory = true;
}

bool messages_finish(struct messages *messages, struct config_report *report)
{
    *report = (struct config_report){0};
    if (messages->count)
        qsort(messages->items, messages->count, sizeof(*messages->items), message_compare);
    for (size_t i = 0; i < messages->count && !messages->out_of_memory; i++)
        messages->out_of_memory = !report_push(report, &messages->items[i]);
    bool failed = messages->failed || messages->out_of_memory;
    if (messages->out_of_memory) {
        config_report_free(report);
        report->errors = messages->no_memory;
        messages->no_memory = (struct config_strings){0};
    }
    messages_free(messages);
    return failed;
}
