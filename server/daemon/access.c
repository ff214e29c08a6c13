#include "server/daemon/access.h"

#include "config/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct output {
    char *text;
    size_t length, size;
    bool full; /* something did not fit, so nothing follows */
};

/* All of the bytes, or none. */
static void put(struct output *output, const char *bytes, size_t count)
{
    if (output->full || count >= output->size - output->length) {
        output->full = true;
        return;
    }
    memcpy(output->text + output->length, bytes, count);
    output->length += count;
    output->text[output->length] = '\0';
}

/* At the begin of a line systemd takes <0> for a priority, and shows it on all terminals. */
static bool is_special(const struct output *output, char byte)
{
    return byte == '"' || byte == '\\' || (byte == '<' && output->length == 0);
}

static void put_escaped(struct output *output, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0' && !output->full;) {
        char escaped[8];
        size_t plain = is_special(output, (char)*at) ? 0 : text_plain_length(at);
        if (plain == 0)
            (void)snprintf(escaped, sizeof(escaped), "\\x%02x", *at);
        put(output, plain > 0 ? (const char *)at : escaped, plain > 0 ? plain : 4);
        at += plain > 0 ? plain : 1;
    }
}

static void put_value(struct output *output, const struct log_field *field)
{
    char number[24];
    if (field->text) {
        put_escaped(output, field->text[0] != '\0' ? field->text : "-");
        return;
    }
    (void)snprintf(number, sizeof(number), "%lld", (long long)field->number);
    put(output, number, strlen(number));
}

static void put_field(struct output *output, const struct config_access_part *part,
                      const struct log_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(fields[i].key) == part->length &&
            memcmp(fields[i].key, part->at, part->length) == 0) {
            put_value(output, &fields[i]);
            return;
        }
    put(output, "-", 1);
}

void access_expand(const char *template, const struct log_field *fields, size_t count, char *text,
                   size_t size)
{
    struct output output = {.text = text, .size = size};
    *text = '\0';
    while (*template != '\0') {
        struct config_access_part part;
        template = config_access_next(template, &part);
        if (part.kind == CONFIG_ACCESS_FIELD)
            put_field(&output, &part, fields, count);
        else
            put(&output, part.at, part.length);
    }
}
