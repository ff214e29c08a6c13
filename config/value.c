#include "config/value.h"

#include "config/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *type_name(const cJSON *item)
{
    if (cJSON_IsString(item))
        return "a string";
    if (cJSON_IsNumber(item))
        return "a number";
    if (cJSON_IsArray(item))
        return "a list";
    if (cJSON_IsObject(item))
        return "an object";
    if (cJSON_IsNull(item))
        return "null";
    return cJSON_IsTrue(item) ? "true" : "false";
}

void wrong_type(struct messages *messages, struct place *place, const char *wanted)
{
    error_at(messages, place, "must be %s, not %s", wanted, type_name(place->item));
}

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static char *copy(struct messages *messages, const char *text)
{
    char *result = strdup(text);
    if (!result)
        messages->out_of_memory = true;
    return result;
}

const char *string_of(struct messages *messages, struct place *place, const char *wanted)
{
    const char *text = cJSON_GetStringValue(place->item);
    if (!text) {
        wrong_type(messages, place, wanted);
        return NULL;
    }
    if (text[0] == '\0') {
        error_at(messages, place, "must not be empty");
        return NULL;
    }
    if (has_control(text)) {
        error_at(messages, place, "must not hold control characters");
        return NULL;
    }
    return text;
}

/* The same, as the key's own checker wants it. */
static const char *checked_string(struct messages *messages, struct place *place,
                                  const struct key *key)
{
    const char *text = cJSON_GetStringValue(place->item);
    if (key->empty && text && text[0] == '\0')
        return text;
    text = string_of(messages, place, "a string");
    const char *wrong = text && key->wrong ? key->wrong(text) : NULL;
    if (!wrong)
        return text;
    error_at(messages, place, "%s", wrong);
    return NULL;
}

static void read_bool(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    if (!cJSON_IsBool(place->item)) {
        wrong_type(messages, place, "true or false");
        return;
    }
    *(bool *)at(base, key->offset) = cJSON_IsTrue(place->item);
}

/* A double rounds, so whether it is whole was seen in the text: 1e2 and 100.0 are refused. */
static void read_integer(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    if (!cJSON_IsNumber(place->item)) {
        wrong_type(messages, place, "a whole number");
        return;
    }
    if (!place->whole) {
        error_at(messages, place, "must be a whole number in plain digits");
        return;
    }
    double number = place->item->valuedouble;
    if (number < (double)key->min || number > (double)key->max) {
        error_at(messages, place, "must be from %" PRId64 " to %" PRId64, key->min, key->max);
        return;
    }
    *(uint64_t *)at(base, key->offset) = (uint64_t)number;
}

static void read_duration(struct messages *messages, struct place *place, const struct key *key,
                          void *base)
{
    const char *text = cJSON_GetStringValue(place->item);
    int64_t *result = at(base, key->offset);
    int64_t ms = 0;
    const char *wanted =
        key->never ? "a duration such as \"5s\", or \"never\"" : "a duration such as \"5s\"";
    if (!text) {
        wrong_type(messages, place, wanted);
    } else if (key->never && strcmp(text, "never") == 0) {
        *result = CONFIG_NEVER;
    } else if (strcmp(text, "never") == 0) {
        error_at(messages, place, "\"never\" is not allowed here; the longest is \"%s\"",
                 duration_print(key->max).text);
    } else if (!duration_parse(text, &ms)) {
        error_at(messages, place, "must be %s; the units are ms, s, m and h", wanted);
    } else if (ms < key->min || ms > key->max) {
        error_at(messages, place, "must be from \"%s\" to \"%s\"", duration_print(key->min).text,
                 duration_print(key->max).text);
    } else {
        *result = ms;
    }
}

static void read_string(struct messages *messages, struct place *place, const struct key *key,
                        void *base)
{
    const char *text = checked_string(messages, place, key);
    if (!text || key->offset == KEY_NOWHERE)
        return;
    *(char **)at(base, key->offset) = copy(messages, text);
}

size_t list_size(struct messages *messages, struct place *place, const struct key *key,
                 const char *wanted)
{
    int64_t count = cJSON_GetArraySize(place->item);
    if (!cJSON_IsArray(place->item))
        wrong_type(messages, place, wanted);
    else if (count == 0)
        error_at(messages, place, "must not be empty");
    else if (count > key->max)
        error_at(messages, place, "must have at most %" PRId64 " items", key->max);
    else
        return (size_t)count;
    return 0;
}

static void read_strings(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    struct config_strings *strings = at(base, key->offset);
    size_t count = list_size(messages, place, key, "a list of strings");
    if (count == 0)
        return;
    strings->items = calloc(count, sizeof(*strings->items));
    if (!strings->items) {
        messages->out_of_memory = true;
        return;
    }
    for (struct place *child = place->child; child; child = child->next) {
        const char *text = checked_string(messages, child, key);
        char *item = text ? copy(messages, text) : NULL;
        if (item)
            strings->items[strings->count++] = item;
    }
}

static void read_enum(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    const char *text = cJSON_GetStringValue(place->item);
    char wanted[256];
    join_names(key->names, " or ", wanted, sizeof(wanted));
    if (!text) {
        wrong_type(messages, place, wanted);
        return;
    }
    for (unsigned i = 0; key->names[i]; i++) {
        if (strcmp(text, key->names[i]) == 0) {
            *(unsigned *)at(base, key->offset) = i + (unsigned)key->min;
            return;
        }
    }
    error_at(messages, place, "must be %s", wanted);
}

static void read_path(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    const char *text = string_of(messages, place, "a path in a string");
    if (!text)
        return;
    if (key->word && strcmp(text, key->word) == 0) {
        *(bool *)at(base, key->second) = true;
        return;
    }
    bool scheme = key->scheme && strncmp(text, key->scheme, strlen(key->scheme)) == 0;
    char *path = scheme ? strdup(text) : path_beside(messages->file, text);
    if (!path)
        messages->out_of_memory = true;
    *(char **)at(base, key->offset) = path;
}

static void read_present(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    (void)key;
    (void)base;
    if (!cJSON_IsTrue(place->item) && !(cJSON_IsObject(place->item) && !place->child))
        error_at(messages, place, "must be true or {}; leave the key out where it is not wanted");
}

void value_read(struct messages *messages, struct place *place, const struct key *key, void *base)
{
    static void (*const readers[])(struct messages *, struct place *, const struct key *,
                                   void *) = {
        [KEY_BOOL] = read_bool,         [KEY_INTEGER] = read_integer,
        [KEY_DURATION] = read_duration, [KEY_STRING] = read_string,
        [KEY_STRINGS] = read_strings,   [KEY_ENUM] = read_enum,
        [KEY_PATH] = read_path,         [KEY_PRESENT] = read_present,
        [KEY_ADDRESS] = read_address,   [KEY_ADDRESSES] = read_addresses,
        [KEY_NETWORK] = read_network,   [KEY_NETWORKS] = read_networks,
        [KEY_SESSIONS] = read_sessions};
    readers[key->type](messages, place, key, base);
}
