#include "server/daemon/lines.h"

#include "config/text.h"
#include "server/daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lines_add(struct config_strings *list, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    char *copy = length < 0 ? NULL : text_show(text, TEXT_LINE_MAX);
    if (length >= 0)
        free(text);
    if (copy && !config_strings_insert(list, list->count, copy))
        free(copy);
}

void lines_print(const struct config_strings *lines, enum config_log_level level,
                 enum config_log_format format)
{
    bool plain = format == CONFIG_LOG_LOGFMT || lines->count == 0;
    struct log *log = plain ? NULL : log_new(level, format, STDERR_FILENO);
    for (size_t i = 0; i < lines->count; i++) {
        struct log_field fields[] = {log_text("event", "configuration"),
                                     log_text(log_level_name(level), lines->items[i])};
        if (log)
            log_write(log, level, fields, sizeof(fields) / sizeof(fields[0]));
        else
            (void)fprintf(stderr, "%s\n", lines->items[i]);
    }
    log_free(log);
}

char *lines_join(const struct config_strings *lines)
{
    size_t size = 1;
    for (size_t i = 0; i < lines->count; i++)
        size += strlen(lines->items[i]) + 1;
    char *text = malloc(size);
    char *end = text;
    for (size_t i = 0; text && i < lines->count; i++) {
        end = stpcpy(end, lines->items[i]);
        *end++ = '\n';
    }
    if (text)
        *end = '\0';
    return text;
}
