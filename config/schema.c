/* The JSON Schema (draft-07), written from the key table. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DURATION_PATTERN "(0|[1-9][0-9]*)(ms|s|m|h)"
#define LISTEN_PATTERN "^(unix:.+|.+:[0-9]{1,5}(-[0-9]{1,5})?)$"
#define ADDRESS_PATTERN "^(unix:.+|.+:[0-9]{1,5})$"
#define NETWORK_PATTERN "^[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})$"
#define VARIABLE_PATTERN "\\$\\{(env|file):"
#define PROXY_PATTERN "^(http|socks5)://.+:[0-9]{1,5}/?$"
#define SESSIONS_PATTERN "^(off|memory|tickets|file:.+|rediss?://.+|redis:unix:.+)$"

static const char schema_help[] =
    "Unknown keys are errors. Paths are relative to the configuration file's folder. Rules that "
    "concern several keys, such as whom a TLS client trusts, are checked by actpass --check.";

/* ---- JSON ----------------------------------------------------------------------------------- */

struct writer {
    FILE *stream;
    unsigned depth; /* of nested objects and lists */
    bool first;     /* nothing was written in the innermost one yet */
};

static void write_string(struct writer *writer, const char *text)
{
    fputc('"', writer->stream);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', writer->stream);
        fputc(*text, writer->stream);
    }
    fputc('"', writer->stream);
}

static void next_line(struct writer *writer)
{
    fprintf(writer->stream, "\n%*s", (int)writer->depth * 2, "");
}

/* Begins a member of an object, or with NULL an item of a list. */
static void begin(struct writer *writer, const char *name)
{
    if (!writer->first)
        fputc(',', writer->stream);
    writer->first = false;
    next_line(writer);
    if (!name)
        return;
    write_string(writer, name);
    fputs(": ", writer->stream);
}

static void open_nested(struct writer *writer, const char *name, char bracket)
{
    begin(writer, name);
    fputc(bracket, writer->stream);
    writer->depth++;
    writer->first = true;
}

static void close_nested(struct writer *writer, char bracket)
{
    writer->depth--;
    next_line(writer);
    fputc(bracket, writer->stream);
    writer->first = false;
}

static void put_string(struct writer *writer, const char *name, const char *text)
{
    begin(writer, name);
    write_string(writer, text);
}

/* A number, true, false or any other finished JSON. */
__attribute__((format(printf, 3, 4))) static void put_raw(struct writer *writer, const char *name,
                                                          const char *format, ...)
{
    va_list arguments;
    begin(writer, name);
    va_start(arguments, format);
    vfprintf(writer->stream, format, arguments);
    va_end(arguments);
}

/* ---- One key -------------------------------------------------------------------------------- */

static void put_help(struct writer *writer, const struct key *key)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s%s", key->help,
                   key->fixed ? " A change needs a restart." : "");
    put_string(writer, "description", text);
}

static void put_object(struct writer *writer, const struct key_object *object);

/* A text with a variable in it may become anything. */
static void put_pattern(struct writer *writer, const char *pattern)
{
    char *whole = NULL;
    put_string(writer, "type", "string");
    if (!pattern)
        put_raw(writer, "minLength", "1");
    else if (asprintf(&whole, "%s|" VARIABLE_PATTERN, pattern) >= 0)
        put_string(writer, "pattern", whole);
    else
        put_string(writer, "pattern", pattern);
    free(whole);
}

static void put_list_size(struct writer *writer, const struct key *key)
{
    put_string(writer, "type", "array");
    put_raw(writer, "minItems", "1");
    put_raw(writer, "maxItems", "%" PRId64, key->max);
}

static void put_list(struct writer *writer, const struct key *key, const char *pattern)
{
    put_list_size(writer, key);
    open_nested(writer, "items", '{');
    put_pattern(writer, pattern);
    close_nested(writer, '}');
}

static void put_duration(struct writer *writer, const struct key *key)
{
    put_raw(writer, "$comment", "\"duration from %s to %s%s\"", duration_print(key->min).text,
            duration_print(key->max).text, key->never ? ", or never" : "");
    put_pattern(writer, key->never ? "^(" DURATION_PATTERN "|never)$" : "^" DURATION_PATTERN "$");
}

static void put_commented(struct writer *writer, const char *comment, const char *pattern)
{
    put_string(writer, "$comment", comment);
    put_pattern(writer, pattern);
}

/* One text, or a list of them. */
static void put_one_or_list(struct writer *writer, const struct key *key, const char *pattern)
{
    open_nested(writer, "anyOf", '[');
    open_nested(writer, NULL, '{');
    put_pattern(writer, pattern);
    close_nested(writer, '}');
    open_nested(writer, NULL, '{');
    put_list(writer, key, pattern);
    close_nested(writer, '}');
    close_nested(writer, ']');
}

static void put_addresses(struct writer *writer, const struct key *key)
{
    put_string(writer, "$comment", "address or addresses");
    put_one_or_list(writer, key, key->listens ? LISTEN_PATTERN : ADDRESS_PATTERN);
}

static void put_names(struct writer *writer, const struct key *key)
{
    open_nested(writer, "enum", '[');
    for (size_t i = 0; key->names[i]; i++)
        put_string(writer, NULL, key->names[i]);
    close_nested(writer, ']');
}

/* An object that may be written as a string alone, if it has a key for that, or as a bool. */
static void put_member(struct writer *writer, const struct key *key)
{
    const char *shorthand = key->object->shorthand;
    bool others = shorthand || key->or_bool;
    if (others) {
        open_nested(writer, "anyOf", '[');
        open_nested(writer, NULL, '{');
        if (shorthand)
            put_pattern(writer, key_find(key->object, shorthand)->pattern);
        else
            put_string(writer, "type", "boolean");
        close_nested(writer, '}');
        open_nested(writer, NULL, '{');
    }
    put_object(writer, key->object);
    if (others) {
        close_nested(writer, '}');
        close_nested(writer, ']');
    }
}

static void put_objects(struct writer *writer, const struct key *key)
{
    put_list_size(writer, key);
    open_nested(writer, "items", '{');
    put_member(writer, key);
    close_nested(writer, '}');
}

static void put_text_type(struct writer *writer, const struct key *key)
{
    if (key->type == KEY_PATH)
        put_commented(writer, "path", NULL);
    else if (key->type == KEY_ADDRESS)
        put_commented(writer, "address", ADDRESS_PATTERN);
    else if (key->type == KEY_NETWORK)
        put_commented(writer, "network", NETWORK_PATTERN);
    else if (key->type == KEY_SESSIONS)
        put_commented(writer, "sessions", SESSIONS_PATTERN);
    else if (key->type == KEY_PROXY)
        put_commented(writer, "proxy", PROXY_PATTERN);
    else
        put_pattern(writer, key->pattern);
}

static void put_list_type(struct writer *writer, const struct key *key)
{
    if (key->type == KEY_ADDRESSES)
        put_addresses(writer, key);
    else if (key->type == KEY_OBJECTS)
        put_objects(writer, key);
    else if (key->alone)
        put_one_or_list(writer, key, key->pattern);
    else
        put_list(writer, key, key->type == KEY_NETWORKS ? NETWORK_PATTERN : key->pattern);
}

static void put_bool(struct writer *writer, const struct key *key)
{
    (void)key;
    put_string(writer, "type", "boolean");
}

static void put_present(struct writer *writer, const struct key *key)
{
    (void)key;
    put_raw(writer, "enum", "[true, {}]");
}

static void put_integer(struct writer *writer, const struct key *key)
{
    put_string(writer, "type", "integer");
    put_raw(writer, "minimum", "%" PRId64, key->min);
    put_raw(writer, "maximum", "%" PRId64, key->max);
}

/* By type. Without an entry: a text. */
static void (*const type_writers[])(struct writer *writer, const struct key *key) = {
    [KEY_BOOL] = put_bool,           [KEY_INTEGER] = put_integer,
    [KEY_DURATION] = put_duration,   [KEY_ENUM] = put_names,
    [KEY_PRESENT] = put_present,     [KEY_OBJECT] = put_member,
    [KEY_STRINGS] = put_list_type,   [KEY_PEER_NAMES] = put_list_type,
    [KEY_PEER_PINS] = put_list_type, [KEY_ADDRESSES] = put_list_type,
    [KEY_NETWORKS] = put_list_type,  [KEY_OBJECTS] = put_list_type,
};

static void put_type(struct writer *writer, const struct key *key)
{
    size_t type = (size_t)key->type;
    if (type < sizeof(type_writers) / sizeof(*type_writers) && type_writers[type])
        type_writers[type](writer, key);
    else
        put_text_type(writer, key);
}

static void put_default(struct writer *writer, const struct key *key)
{
    if (!key_has_default(key))
        return;
    if (key->type == KEY_BOOL)
        put_raw(writer, "default", key->fallback ? "true" : "false");
    else if (key->type == KEY_INTEGER)
        put_raw(writer, "default", "%" PRId64, key->fallback);
    else if (key->type == KEY_DURATION)
        put_string(writer, "default", duration_print(key->fallback).text);
    else
        put_string(writer, "default",
                   key->names ? key->names[key->fallback - key->min] : key->fallback_text);
}

/* ---- An object ------------------------------------------------------------------------------ */

static void put_required(struct writer *writer, const struct key_object *object)
{
    bool open = false;
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->required || key->or_else)
            continue;
        if (!open)
            open_nested(writer, "required", '[');
        open = true;
        put_string(writer, NULL, key->name);
    }
    if (open)
        close_nested(writer, ']');
}

/* For keys that another one can bring. */
static void put_or_else(struct writer *writer, const struct key_object *object)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->or_else)
            continue;
        open_nested(writer, "anyOf", '[');
        put_raw(writer, NULL, "{ \"required\": [\"%s\"] }", key->name);
        put_raw(writer, NULL, "{ \"required\": [\"%s\"] }", key->or_else);
        close_nested(writer, ']');
    }
}

static void put_needs(struct writer *writer, const struct key_object *object)
{
    bool open = false;
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->needs && !key->needs_true)
            continue;
        if (!open)
            open_nested(writer, "dependencies", '{');
        open = true;
        open_nested(writer, key->name, '[');
        if (key->needs)
            put_string(writer, NULL, key->needs);
        if (key->needs_true)
            put_string(writer, NULL, key->needs_true);
        close_nested(writer, ']');
    }
    if (open)
        close_nested(writer, '}');
}

static bool has_choice(const struct key_object *object, enum key_choice choice)
{
    for (const struct key *key = object->keys; key->name; key++)
        if (key->choice == choice)
            return true;
    return false;
}

static void put_alternatives(struct writer *writer, const struct key_object *object,
                             enum key_choice choice)
{
    for (const struct key *key = object->keys; key->name; key++)
        if (key->choice == choice && !key->beside)
            put_raw(writer, NULL, "{ \"required\": [\"%s\"] }", key->name);
        else if (key->choice == choice)
            put_raw(writer, NULL, "{ \"required\": [\"%s\", \"%s\"] }", key->name, key->beside);
}

/* An object of one role or route. */
static void put_handler_choice(struct writer *writer, const struct key_object *object)
{
    open_nested(writer, "oneOf", '[');
    put_alternatives(writer, object, KEY_HANDLER);
    close_nested(writer, ']');
}

static void put_choices(struct writer *writer, const struct key_object *object)
{
    if (!has_choice(object, KEY_DIALER)) {
        if (has_choice(object, KEY_HANDLER))
            put_handler_choice(writer, object);
        return;
    }
    open_nested(writer, "allOf", '[');
    for (enum key_choice choice = KEY_DIALER; choice <= KEY_HANDLER; choice++) {
        open_nested(writer, NULL, '{');
        open_nested(writer, "oneOf", '[');
        put_alternatives(writer, object, choice);
        if (choice == KEY_DIALER) /* a gate without TLS */
            put_raw(writer, NULL, "{ \"required\": [\"listen_plain\", \"reach\"] }");
        if (choice == KEY_HANDLER) {
            put_raw(writer, NULL, "{ \"required\": [\"share\"] }");
            open_nested(writer, NULL, '{');
            open_nested(writer, "anyOf", '[');
            put_alternatives(writer, object, KEY_HANDLER_BY_ROLE);
            close_nested(writer, ']');
            close_nested(writer, '}');
        }
        close_nested(writer, ']');
        close_nested(writer, '}');
    }
    close_nested(writer, ']');
}

static void put_object(struct writer *writer, const struct key_object *object)
{
    put_string(writer, "type", "object");
    put_raw(writer, "additionalProperties", "false");
    put_required(writer, object);
    put_or_else(writer, object);
    put_choices(writer, object);
    put_needs(writer, object);
    open_nested(writer, "properties", '{');
    for (const struct key *key = object->keys; key->name; key++) {
        open_nested(writer, key->name, '{');
        put_help(writer, key);
        put_type(writer, key);
        put_default(writer, key);
        close_nested(writer, '}');
    }
    close_nested(writer, '}');
}

char *config_schema(void)
{
    char *text = NULL;
    size_t size = 0;
    struct writer writer = {.stream = open_memstream(&text, &size), .depth = 1, .first = true};
    if (!writer.stream)
        return NULL;
    fputc('{', writer.stream);
    put_string(&writer, "$schema", "http://json-schema.org/draft-07/schema#");
    put_string(&writer, "title", "actpass configuration");
    put_string(&writer, "description", schema_help);
    put_object(&writer, &config_object);
    fputs("\n}\n", writer.stream);
    bool failed = ferror(writer.stream);
    if (fclose(writer.stream) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
