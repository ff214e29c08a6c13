/* The JSON Schema says what the key table says, and nothing else. */
#include "config/internal.h"
#include "config/keys.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static cJSON *schema_parse(void)
{
    char *text = config_schema();
    cr_assert_not_null(text);
    cJSON *schema = cJSON_Parse(text);
    cr_assert_not_null(schema);
    free(text);
    return schema;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));
    return text ? text : "";
}

static void check_type(const char *name, const cJSON *property, const char *type)
{
    cr_assert_str_eq(text_of(property, "type"), type, "%s", name);
}

static void check_comment(const char *name, const cJSON *property, const char *comment)
{
    check_type(name, property, "string");
    cr_assert_str_eq(text_of(property, "$comment"), comment, "%s", name);
}

/* The limits of a duration are in its comment: a pattern cannot express them. */
static void check_duration(const struct key *key, const cJSON *property)
{
    char comment[128];
    snprintf(comment, sizeof(comment), "duration from %s to %s%s", duration_print(key->min).text,
             duration_print(key->max).text, key->never ? ", or never" : "");
    check_comment(key->name, property, comment);
}

static void check_names(const struct key *key, const cJSON *property)
{
    const cJSON *names = member(property, "enum");
    int count = 0;
    for (; key->names[count]; count++)
        cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(names, count)), key->names[count],
                         "%s", key->name);
    cr_assert_eq(cJSON_GetArraySize(names), count, "%s", key->name);
}

static void check_number(const struct key *key, const cJSON *property, const char *name,
                         int64_t expected)
{
    const cJSON *number = member(property, name);
    cr_assert(cJSON_IsNumber(number), "%s has no %s", key->name, name);
    cr_assert_eq((int64_t)number->valuedouble, expected, "%s: %s", key->name, name);
}

static void check_list(const struct key *key, const cJSON *property)
{
    check_type(key->name, property, "array");
    check_number(key, property, "minItems", key->min);
    check_number(key, property, "maxItems", key->max);
}

static const cJSON *either(const cJSON *schema, int which)
{
    const cJSON *ways = member(schema, "anyOf");
    cr_assert_eq(cJSON_GetArraySize(ways), 2);
    return cJSON_GetArrayItem(ways, which);
}

/* A string, or a list of them. */
static void check_addresses(const struct key *key, const cJSON *property)
{
    const cJSON *list = either(property, 1);
    cr_assert_str_eq(text_of(property, "$comment"), "address or addresses", "%s", key->name);
    check_type(key->name, either(property, 0), "string");
    check_list(key, list);
    check_type(key->name, member(list, "items"), "string");
}

/* An object, or a string or a bool that stands for one. */
static const cJSON *object_of(const struct key *key, const cJSON *schema)
{
    if (!key->object->shorthand && !key->or_bool)
        return schema;
    check_type(key->name, either(schema, 0), key->or_bool ? "boolean" : "string");
    return either(schema, 1);
}

/* A list of strings, or also a string alone. */
static void check_strings(const struct key *key, const cJSON *property)
{
    const cJSON *list = property;
    if (key->alone) {
        const cJSON *both = member(property, "anyOf");
        check_type(key->name, cJSON_GetArrayItem(both, 0), "string");
        list = cJSON_GetArrayItem(both, 1);
    }
    check_list(key, list);
    check_type(key->name, member(list, "items"), "string");
}

static void check_object(const struct key_object *object, const cJSON *schema, const char *name);

static void check_property(const struct key *key, const cJSON *property)
{
    cr_assert_eq(strncmp(text_of(property, "description"), key->help, strlen(key->help)), 0, "%s",
                 key->name); /* what a reload does not change is behind it */
    switch (key->type) {
    case KEY_BOOL:
        check_type(key->name, property, "boolean");
        break;
    case KEY_INTEGER:
        check_type(key->name, property, "integer");
        check_number(key, property, "minimum", key->min);
        check_number(key, property, "maximum", key->max);
        break;
    case KEY_DURATION:
        check_duration(key, property);
        cr_assert_eq(!!strstr(text_of(property, "pattern"), "never"), key->never, "%s", key->name);
        break;
    case KEY_STRING:
        check_comment(key->name, property, "");
        break;
    case KEY_STRINGS:
    case KEY_PEER_NAMES:
    case KEY_PEER_PINS:
    case KEY_NETWORKS:
        check_strings(key, property);
        break;
    case KEY_ENUM:
        check_names(key, property);
        break;
    case KEY_PATH:
        check_comment(key->name, property, "path");
        break;
    case KEY_ADDRESS:
        check_comment(key->name, property, "address");
        break;
    case KEY_ADDRESSES:
        check_addresses(key, property);
        break;
    case KEY_NETWORK:
        check_comment(key->name, property, "network");
        break;
    case KEY_SESSIONS:
        check_comment(key->name, property, "sessions");
        break;
    case KEY_PROXY:
        check_comment(key->name, property, "proxy");
        break;
    case KEY_PRESENT:
        cr_assert(cJSON_IsTrue(cJSON_GetArrayItem(member(property, "enum"), 0)), "%s", key->name);
        break;
    case KEY_OBJECT:
        check_object(key->object, object_of(key, property), key->name);
        break;
    case KEY_OBJECTS:
        check_list(key, property);
        check_object(key->object, object_of(key, member(property, "items")), key->name);
        break;
    }
}

static bool is_listed(const cJSON *list, const char *name)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(item->valuestring, name) == 0)
            return true;
    }
    return false;
}

static void check_object(const struct key_object *object, const cJSON *schema, const char *name)
{
    const cJSON *properties = member(schema, "properties");
    const cJSON *property = NULL;
    int count = 0, alternatives = 0;
    check_type(name, schema, "object");
    cr_assert(cJSON_IsFalse(member(schema, "additionalProperties")), "%s", name);
    for (const struct key *key = object->keys; key->name; key++, count++) {
        cr_assert_not_null(member(properties, key->name), "the schema has no %s in %s", key->name,
                           name);
        check_property(key, member(properties, key->name));
        cr_assert_eq(is_listed(member(schema, "required"), key->name),
                     key->required && !key->or_else, "%s", key->name);
        alternatives += key->or_else ? 2 : 0;
    }
    cr_assert_eq(cJSON_GetArraySize(cJSON_GetObjectItem(schema, "anyOf")), alternatives, "%s",
                 name);
    cJSON_ArrayForEach(property, properties)
    {
        cr_assert_not_null(key_find(object, property->string), "the table has no %s in %s",
                           property->string, name);
    }
    cr_assert_eq(cJSON_GetArraySize(properties), count, "%s", name);
}

Test(config_schema, holds_to_the_key_table)
{
    cJSON *schema = schema_parse();
    check_object(&config_object, schema, "the top");
    cJSON_Delete(schema);
}

/* Editors and packages read the file, so it must not fall behind the table. */
Test(config_schema, is_the_shipped_file)
{
    static char shipped[262144];
    char *schema = config_schema();
    FILE *file = fopen("config/actpass.schema.json", "r");
    cr_assert(schema && file);
    size_t length = fread(shipped, 1, sizeof(shipped) - 1, file);
    cr_assert(length == strlen(schema) && strcmp(shipped, schema) == 0,
              "config/actpass.schema.json is out of date: config/reference.py --update");
    fclose(file);
    free(schema);
}

Test(config_schema, is_draft_7)
{
    cJSON *schema = schema_parse();
    cr_assert_str_eq(text_of(schema, "$schema"), "http://json-schema.org/draft-07/schema#");
    cJSON_Delete(schema);
}

static int64_t duration_of(const char *text)
{
    int64_t ms = 0;
    if (strcmp(text, "never") == 0)
        return CONFIG_NEVER;
    cr_assert(duration_parse(text, &ms), "%s", text);
    return ms;
}

static void check_sessions_default(const char *text, const struct config_sessions *stored)
{
    struct config_sessions sessions;
    cr_assert_null(config_sessions_parse(text, &sessions), "%s", text);
    cr_assert_eq(sessions.kind, stored->kind);
    config_sessions_free(&sessions);
}

/* NULL: the value has no name, and stands for none. */
static const char *name_of(const struct key *key, unsigned value)
{
    return value < key->min ? NULL : key->names[value - key->min];
}

static void check_name_default(const struct key *key, const cJSON *value, unsigned stored)
{
    const char *name = key->required ? NULL : name_of(key, stored);
    if (name)
        cr_assert_str_eq(cJSON_GetStringValue(value), name, "%s", key->name);
    else
        cr_assert_null(value, "%s has a default in the schema", key->name);
}

/* What the code gives an object that says nothing, key by key. */
static void check_default(const struct key *key, const cJSON *property, const void *base)
{
    const cJSON *value = member(property, "default");
    const char *stored = base;
    if (key->offset != KEY_NOWHERE)
        stored += key->offset;
    if (key->type == KEY_DURATION)
        cr_assert_eq(*(const int64_t *)(const void *)stored,
                     duration_of(text_of(property, "default")), "%s", key->name);
    else if (key->type == KEY_INTEGER) /* without a default it is 0, which stands for none */
        cr_assert_eq((double)*(const uint64_t *)(const void *)stored,
                     value ? value->valuedouble : 0, "%s", key->name);
    else if (key->type == KEY_BOOL)
        cr_assert_eq(*(const bool *)stored, cJSON_IsTrue(value) != 0, "%s", key->name);
    else if (key->type == KEY_ENUM)
        check_name_default(key, value, *(const unsigned *)(const void *)stored);
    else if (key->type == KEY_SESSIONS && !key->required)
        check_sessions_default(text_of(property, "default"), (const void *)stored);
    else if (key->type == KEY_STRING && key->fallback_text)
        cr_assert_str_eq(text_of(property, "default"), key->fallback_text, "%s", key->name);
    else
        cr_assert_null(value, "%s has a default in the schema", key->name);
}

static void check_defaults(const struct key_object *object, const cJSON *schema, const void *base)
{
    for (const struct key *key = object->keys; key->name; key++) {
        const cJSON *property = member(member(schema, "properties"), key->name);
        if (key->type == KEY_OBJECT && !key->deferred) /* else it is in "as_server", too */
            check_defaults(key->object, object_of(key, property), (const char *)base + key->offset);
        else if (key->type != KEY_OBJECT)
            check_default(key, property, base);
    }
}

Test(config_schema, defaults_are_the_codes)
{
    cJSON *schema = schema_parse();
    const struct key *services = key_find(&config_object, "services");
    struct config config;
    struct config_service service;
    config_init(&config);
    config_service_init(&service);
    check_defaults(&config_object, schema, &config);
    check_defaults(services->object,
                   member(member(member(schema, "properties"), "services"), "items"), &service);
    cJSON_Delete(schema);
}
