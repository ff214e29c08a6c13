/* The JSON Schema (draft-07), written from the key table. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"
#include "config/schema_writer.h"

#include <inttypes.h>
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

/* ---- One key -------------------------------------------------------------------------------- */

static void put_help(struct schema_writer *writer, const struct key *key)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s%s", key->help,
                   key->fixed ? " A change needs a restart." : "");
    schema_put_string(writer, "description", text);
}

static void put_object(struct schema_writer *writer, const struct key_object *object);

/* A text with a variable in it may become anything. */
static void put_pattern(struct schema_writer *writer, const char *pattern)
{
    char *whole = NULL;
    schema_put_string(writer, "type", "string");
    if (!pattern)
        schema_put(writer, "minLength", "1");
    else if (asprintf(&whole, "%s|" VARIABLE_PATTERN, pattern) >= 0)
        schema_put_string(writer, "pattern", whole);
    else
        schema_put_string(writer, "pattern", pattern);
    free(whole);
}

static void put_list_size(struct schema_writer *writer, const struct key *key)
{
    schema_put_string(writer, "type", "array");
    schema_put(writer, "minItems", "1");
    schema_put(writer, "maxItems", "%" PRId64, key->max);
}

static void put_list(struct schema_writer *writer, const struct key *key, const char *pattern)
{
    put_list_size(writer, key);
    schema_open(writer, "items", '{');
    put_pattern(writer, pattern);
    schema_close(writer, '}');
}

static void put_duration(struct schema_writer *writer, const struct key *key)
{
    schema_put(writer, "$comment", "\"duration from %s to %s%s\"", duration_print(key->min).text,
               duration_print(key->max).text, key->never ? ", or never" : "");
    put_pattern(writer, key->never ? "^(" DURATION_PATTERN "|never)$" : "^" DURATION_PATTERN "$");
}

static void put_commented(struct schema_writer *writer, const char *comment, const char *pattern)
{
    schema_put_string(writer, "$comment", comment);
    put_pattern(writer, pattern);
}

/* One text, or a list of them. */
static void put_one_or_list(struct schema_writer *writer, const struct key *key,
                            const char *pattern)
{
    schema_open(writer, "anyOf", '[');
    schema_open(writer, NULL, '{');
    put_pattern(writer, pattern);
    schema_close(writer, '}');
    schema_open(writer, NULL, '{');
    put_list(writer, key, pattern);
    schema_close(writer, '}');
    schema_close(writer, ']');
}

static void put_addresses(struct schema_writer *writer, const struct key *key)
{
    schema_put_string(writer, "$comment", "address or addresses");
    put_one_or_list(writer, key, key->listens ? LISTEN_PATTERN : ADDRESS_PATTERN);
}

static void put_names(struct schema_writer *writer, const struct key *key)
{
    schema_open(writer, "enum", '[');
    for (size_t i = 0; key->names[i]; i++)
        schema_put_string(writer, NULL, key->names[i]);
    schema_close(writer, ']');
}

/* An object that may be written as a string alone, if it has a key for that, or as a bool. */
static void put_member(struct schema_writer *writer, const struct key *key)
{
    const char *shorthand = key->object->shorthand;
    bool others = shorthand || key->or_bool;
    if (others) {
        schema_open(writer, "anyOf", '[');
        schema_open(writer, NULL, '{');
        if (shorthand)
            put_pattern(writer, key_find(key->object, shorthand)->pattern);
        else
            schema_put_string(writer, "type", "boolean");
        schema_close(writer, '}');
        schema_open(writer, NULL, '{');
    }
    put_object(writer, key->object);
    if (others) {
        schema_close(writer, '}');
        schema_close(writer, ']');
    }
}

static void put_objects(struct schema_writer *writer, const struct key *key)
{
    put_list_size(writer, key);
    schema_open(writer, "items", '{');
    put_member(writer, key);
    schema_close(writer, '}');
}

static void put_text_type(struct schema_writer *writer, const struct key *key)
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

static void put_list_type(struct schema_writer *writer, const struct key *key)
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

static void put_bool(struct schema_writer *writer, const struct key *key)
{
    (void)key;
    schema_put_string(writer, "type", "boolean");
}

static void put_present(struct schema_writer *writer, const struct key *key)
{
    (void)key;
    schema_put(writer, "enum", "[true, {}]");
}

static void put_integer(struct schema_writer *writer, const struct key *key)
{
    schema_put_string(writer, "type", "integer");
    schema_put(writer, "minimum", "%" PRId64, key->min);
    schema_put(writer, "maximum", "%" PRId64, key->max);
}

/* By type. Without an entry: a text. */
static void (*const type_writers[])(struct schema_writer *writer, const struct key *key) = {
    [KEY_BOOL] = put_bool,           [KEY_INTEGER] = put_integer,
    [KEY_DURATION] = put_duration,   [KEY_ENUM] = put_names,
    [KEY_PRESENT] = put_present,     [KEY_OBJECT] = put_member,
    [KEY_STRINGS] = put_list_type,   [KEY_PEER_NAMES] = put_list_type,
    [KEY_PEER_PINS] = put_list_type, [KEY_ADDRESSES] = put_list_type,
    [KEY_NETWORKS] = put_list_type,  [KEY_OBJECTS] = put_list_type,
};

static void put_type(struct schema_writer *writer, const struct key *key)
{
    size_t type = (size_t)key->type;
    if (type < sizeof(type_writers) / sizeof(*type_writers) && type_writers[type])
        type_writers[type](writer, key);
    else
        put_text_type(writer, key);
}

static void put_default(struct schema_writer *writer, const struct key *key)
{
    if (!key_has_default(key))
        return;
    if (key->type == KEY_BOOL)
        schema_put(writer, "default", key->fallback ? "true" : "false");
    else if (key->type == KEY_INTEGER)
        schema_put(writer, "default", "%" PRId64, key->fallback);
    else if (key->type == KEY_DURATION)
        schema_put_string(writer, "default", duration_print(key->fallback).text);
    else
        schema_put_string(writer, "default",
                          key->names ? key->names[key->fallback - key->min] : key->fallback_text);
}

/* ---- An object ------------------------------------------------------------------------------ */

static void put_required(struct schema_writer *writer, const struct key_object *object)
{
    bool open = false;
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->required || key->or_else)
            continue;
        if (!open)
            schema_open(writer, "required", '[');
        open = true;
        schema_put_string(writer, NULL, key->name);
    }
    if (open)
        schema_close(writer, ']');
}

/* For keys that another one can bring. */
static void put_or_else(struct schema_writer *writer, const struct key_object *object)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->or_else)
            continue;
        schema_open(writer, "anyOf", '[');
        schema_put(writer, NULL, "{ \"required\": [\"%s\"] }", key->name);
        schema_put(writer, NULL, "{ \"required\": [\"%s\"] }", key->or_else);
        schema_close(writer, ']');
    }
}

static void put_needs(struct schema_writer *writer, const struct key_object *object)
{
    bool open = false;
    for (const struct key *key = object->keys; key->name; key++) {
        if (!key->needs && !key->needs_true)
            continue;
        if (!open)
            schema_open(writer, "dependencies", '{');
        open = true;
        schema_open(writer, key->name, '[');
        if (key->needs)
            schema_put_string(writer, NULL, key->needs);
        if (key->needs_true)
            schema_put_string(writer, NULL, key->needs_true);
        schema_close(writer, ']');
    }
    if (open)
        schema_close(writer, '}');
}

static bool has_choice(const struct key_object *object, enum key_choice choice)
{
    for (const struct key *key = object->keys; key->name; key++)
        if (key->choice == choice)
            return true;
    return false;
}

static void put_alternatives(struct schema_writer *writer, const struct key_object *object,
                             enum key_choice choice)
{
    for (const struct key *key = object->keys; key->name; key++)
        if (key->choice == choice && !key->beside)
            schema_put(writer, NULL, "{ \"required\": [\"%s\"] }", key->name);
        else if (key->choice == choice)
            schema_put(writer, NULL, "{ \"required\": [\"%s\", \"%s\"] }", key->name, key->beside);
}

/* An object of one role or route. */
static void put_handler_choice(struct schema_writer *writer, const struct key_object *object)
{
    schema_open(writer, "oneOf", '[');
    put_alternatives(writer, object, KEY_HANDLER);
    schema_close(writer, ']');
}

static void put_choices(struct schema_writer *writer, const struct key_object *object)
{
    if (!has_choice(object, KEY_DIALER)) {
        if (has_choice(object, KEY_HANDLER))
            put_handler_choice(writer, object);
        return;
    }
    schema_open(writer, "allOf", '[');
    for (enum key_choice choice = KEY_DIALER; choice <= KEY_HANDLER; choice++) {
        schema_open(writer, NULL, '{');
        schema_open(writer, "oneOf", '[');
        put_alternatives(writer, object, choice);
        if (choice == KEY_DIALER) /* a gate without TLS */
            schema_put(writer, NULL, "{ \"required\": [\"listen_plain\", \"reach\"] }");
        if (choice == KEY_HANDLER) {
            schema_put(writer, NULL, "{ \"required\": [\"share\"] }");
            schema_open(writer, NULL, '{');
            schema_open(writer, "anyOf", '[');
            put_alternatives(writer, object, KEY_HANDLER_BY_ROLE);
            schema_close(writer, ']');
            schema_close(writer, '}');
        }
        schema_close(writer, ']');
        schema_close(writer, '}');
    }
    schema_close(writer, ']');
}

static void put_object(struct schema_writer *writer, const struct key_object *object)
{
    schema_put_string(writer, "type", "object");
    schema_put(writer, "additionalProperties", "false");
    put_required(writer, object);
    put_or_else(writer, object);
    put_choices(writer, object);
    put_needs(writer, object);
    schema_open(writer, "properties", '{');
    for (const struct key *key = object->keys; key->name; key++) {
        schema_open(writer, key->name, '{');
        put_help(writer, key);
        put_type(writer, key);
        put_default(writer, key);
        schema_close(writer, '}');
    }
    schema_close(writer, '}');
}

char *config_schema(void)
{
    char *text = NULL;
    size_t size = 0;
    struct schema_writer writer = {
        .stream = open_memstream(&text, &size), .depth = 1, .first = true};
    if (!writer.stream)
        return NULL;
    fputc('{', writer.stream);
    schema_put_string(&writer, "$schema", "http://json-schema.org/draft-07/schema#");
    schema_put_string(&writer, "title", "actpass configuration");
    schema_put_string(&writer, "description", schema_help);
    put_object(&writer, &config_object);
    fputs("\n}\n", writer.stream);
    bool failed = ferror(writer.stream);
    if (fclose(writer.stream) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
