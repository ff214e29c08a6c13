#include "config/report.h"

#include "config/internal.h"
#include "config/pointer.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- One message ---------------------------------------------------------------------------- */

/* A text that error_set may have cut, also where the name of a key was taken off its beginning. */
static bool may_be_cut(const char *text)
{
    enum { KEY_MAX = 64 };
    const struct error_text *error = NULL;
    return strlen(text) + KEY_MAX >= sizeof(error->text);
}

/* How many bytes of TEXT are the value, which may have lost its end where TEXT_IS_CUT. */
static size_t length_of_value(const char *text, const char *value, bool text_is_cut)
{
    size_t length = 0;
    while (value[length] != '\0' && text[length] == value[length])
        length++;
    bool whole = value[length] == '\0' || (text_is_cut && text[length] == '\0');
    return whole ? length : 0;
}

/* A copy with WRITTEN in place of each VALUE. NULL: out of memory. */
static char *replace_all(const char *text, const char *value, const char *written)
{
    char *copy = NULL;
    size_t size = 0;
    bool cut = may_be_cut(text);
    FILE *out = open_memstream(&copy, &size);
    if (!out)
        return NULL;
    while (*text != '\0') {
        size_t found = length_of_value(text, value, cut);
        if (found > 0)
            fputs(written, out);
        else
            fputc(*text, out);
        text += found > 0 ? found : 1;
    }
    if (fclose(out) == 0)
        return copy;
    free(copy);
    return NULL;
}

/* What a variable stands for may be a secret. A short value is none, and would hide words. */
static char *hide_value(const struct place *place, const char *text)
{
    enum { NO_SECRET = 3 };
    const char *value = place && place->written ? cJSON_GetStringValue(place->item) : NULL;
    if (!value || strlen(value) <= NO_SECRET)
        return text_show(text, TEXT_LINE_MAX);
    char *hidden = replace_all(text, value, place->written);
    char *shown = hidden ? text_show(hidden, TEXT_LINE_MAX) : NULL;
    free(hidden);
    return shown;
}

bool message_make(const struct origin *origin, const struct place *place, struct position at,
                  enum config_severity severity, const char *text, struct config_message *message)
{
    *message = (struct config_message){.severity = severity,
                                       .file = strdup(origin_shown(origin, at)),
                                       .file_number = at.file,
                                       .line = at.line,
                                       .column = at.column,
                                       .key = place ? pointer_of(place) : NULL,
                                       .text = hide_value(place, text)};
    if (message->file && message->text && (message->key || !place))
        return true;
    message_free(message);
    return false;
}

void message_free(struct config_message *message)
{
    free(message->file);
    free(message->key);
    free(message->text);
    *message = (struct config_message){0};
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

int message_compare(const void *left, const void *right)
{
    const struct config_message *a = left;
    const struct config_message *b = right;
    int order = compare_numbers(a->file_number, b->file_number);
    if (order == 0)
        order = compare_numbers(a->line, b->line);
    if (order == 0)
        order = compare_numbers(a->column, b->column);
    return order != 0 ? order : compare_numbers(a->order, b->order);
}

/* `FILE:LINE:COLUMN: warning: KEY: TEXT`, without what is not there. NULL: out of memory. */
static char *line_of(const struct config_message *message)
{
    char position[32] = "";
    char *line = NULL;
    if (message->line)
        (void)snprintf(position, sizeof(position), ":%u:%u", message->line, message->column);
    if (asprintf(&line, "%s%s: %s%s%s%s", message->file, position,
                 message->severity == CONFIG_WARNING ? "warning: " : "",
                 message->key ? message->key : "", message->key ? ": " : "", message->text) < 0)
        return NULL;
    char *shown = text_show(line, TEXT_LINE_MAX);
    free(line);
    return shown;
}

/* ---- The report ----------------------------------------------------------------------------- */

static bool push_message(struct config_report *report, size_t at, struct config_message *message)
{
    struct config_message *items =
        strings_grow(report->messages, report->message_count, sizeof(*report->messages));
    if (!items)
        return false;
    report->messages = items;
    memmove(items + at + 1, items + at, (report->message_count - at) * sizeof(*items));
    items[at] = *message;
    *message = (struct config_message){0};
    report->message_count++;
    return true;
}

/* Puts it before the message of that number. */
static bool insert(struct config_report *report, size_t at, struct config_message *message)
{
    bool warning = message->severity == CONFIG_WARNING;
    struct config_strings *lines = warning ? &report->warnings : &report->errors;
    size_t line_at = lines->count;
    for (size_t i = at; i < report->message_count; i++)
        line_at -= report->messages[i].severity == message->severity;
    char *line = line_of(message);
    if (line && config_strings_insert(lines, line_at, line))
        return push_message(report, at, message);
    free(line);
    return false;
}

bool report_push(struct config_report *report, struct config_message *message)
{
    return insert(report, report->message_count, message);
}

static bool add_sorted(struct config_report *report, struct config_message *message)
{
    size_t at = report->message_count;
    while (at > 0 && message_compare(message, &report->messages[at - 1]) < 0)
        at--;
    return insert(report, at, message);
}

/* The origin knows all files, also where the report was empty. */
static void add_about(struct config_report *report, enum config_severity severity,
                      const struct config *config, const struct place *place, const char *text)
{
    struct config_message message;
    struct position at = place ? place->value : (struct position){0};
    if (!message_make(config->origin, place, at, severity, text, &message))
        return;
    message.order = report->message_count;
    (void)add_sorted(report, &message);
    message_free(&message);
}

void config_report_add(struct config_report *report, enum config_severity severity,
                       const struct config *config, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    add_about(report, severity, config, NULL, text);
    free(text);
}

void config_report_add_at(struct config_report *report, enum config_severity severity,
                          const struct config *config, size_t service, const char *key,
                          const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    bool missing;
    struct place *place = origin_find(config->origin, service, key, &missing);
    if (missing || cJSON_IsObject(place->item) || !place->bad)
        add_about(report, severity, config, place, text);
    if (place && severity == CONFIG_ERROR)
        place->bad = true;
    free(text);
}

bool config_has_place(const struct config *config, size_t service, const char *key)
{
    bool missing;
    (void)origin_find(config->origin, service, key, &missing);
    return !missing;
}

void config_report_free(struct config_report *report)
{
    for (size_t i = 0; i < report->message_count; i++)
        message_free(&report->messages[i]);
    free(report->messages);
    report->messages = NULL;
    report->message_count = 0;
    config_strings_free(&report->errors);
    config_strings_free(&report->warnings);
}
