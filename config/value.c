#include "config/value.h"

#include "config/internal.h"
#include "config/key_set.h"
#include "config/value_net.h"
#include "config/value_type.h"

#include <stdio.h>
#include <stdlib.h>

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void report(struct messages *messages, struct place *place, const struct error_text *error)
{
    if (error_is_no_memory(error))
        messages->out_of_memory = true;
    else
        messages_error_at(messages, place, "%s", error->text);
}

static void read_text(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    struct error_text error;
    const char *text = cJSON_GetStringValue(place->item);
    if (!text)
        value_wrong_type(messages, place, "a string");
    else if (!key_set_text(key, text, base, &error))
        report(messages, place, &error);
}

static void read_bool(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    const char *variable = place->written ? cJSON_GetStringValue(place->item) : "";
    bool yes = cJSON_IsTrue(place->item) || strcmp(variable, "true") == 0;
    if (cJSON_IsBool(place->item) || yes || strcmp(variable, "false") == 0)
        *(bool *)at(base, key->offset) = yes;
    else
        value_wrong_type(messages, place, "true or false");
}

/* A double rounds, so whether it is whole was seen in the text: 1e2 and 100.0 are refused. */
static void read_integer(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    const char *variable = place->written ? cJSON_GetStringValue(place->item) : "";
    bool digits = *variable && variable[strspn(variable, "0123456789")] == '\0';
    if (!cJSON_IsNumber(place->item) && !digits) {
        value_wrong_type(messages, place, "a whole number");
        return;
    }
    if (!place->whole && !digits) {
        messages_error_at(messages, place, "must be a whole number in plain digits");
        return;
    }
    struct error_text error;
    double number = digits ? strtod(variable, NULL) : place->item->valuedouble;
    int64_t clamped = number < -1 ? -1 : number > (double)INT32_MAX ? INT32_MAX : (int64_t)number;
    if (!key_set_number(key, clamped, base, &error))
        report(messages, place, &error);
}

static void read_duration(struct messages *messages, struct place *place, const struct key *key,
                          void *base)
{
    const char *text = cJSON_GetStringValue(place->item);
    struct error_text error;
    int64_t ms = 0;
    const char *wanted =
        key->never ? "a duration such as \"5s\", or \"never\"" : "a duration such as \"5s\"";
    if (!text) {
        value_wrong_type(messages, place, wanted);
        return;
    }
    if (strcmp(text, "never") == 0) {
        ms = CONFIG_NEVER;
    } else if (!duration_parse(text, &ms)) {
        messages_error_at(messages, place, "must be %s; the units are ms, s, m and h", wanted);
        return;
    }
    if (!key_set_number(key, ms, base, &error))
        report(messages, place, &error);
}

static void read_texts(struct messages *messages, struct place *place, const struct key *key,
                       void *base)
{
    const char *wanted = key->wanted  ? key->wanted
                         : key->alone ? "a string or a list of strings"
                                      : "a list of strings";
    if (key->alone && cJSON_IsString(place->item)) {
        read_text(messages, place, key, base);
        return;
    }
    if (value_list_size(messages, place, key, wanted) == 0)
        return;
    for (struct place *child = place->child; child; child = child->next)
        read_text(messages, child, key, base);
}

static void read_enum(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    const char *text = cJSON_GetStringValue(place->item);
    char wanted[256];
    suggest_join(key->names, " or ", wanted, sizeof(wanted));
    if (!text) {
        value_wrong_type(messages, place, wanted);
        return;
    }
    for (unsigned i = 0; key->names[i]; i++) {
        if (strcmp(text, key->names[i]) == 0) {
            *(unsigned *)at(base, key->offset) = i + (unsigned)key->min;
            return;
        }
    }
    messages_error_at(messages, place, "must be %s", wanted);
}

static void read_path(struct messages *messages, struct place *place, const struct key *key,
                      void *base)
{
    const char *text = value_string(messages, place, "a path in a string");
    if (!text)
        return;
    struct error_text error;
    char *path = key_is_path(key, text)
                     ? text_path_beside(origin_name(messages->origin, place->value), text)
                     : strdup(text);
    if (!path)
        messages->out_of_memory = true;
    else if (!key_set_text(key, path, base, &error))
        report(messages, place, &error);
    free(path);
}

static void read_present(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    (void)key;
    (void)base;
    if (!cJSON_IsTrue(place->item) && !(cJSON_IsObject(place->item) && !place->child))
        messages_error_at(messages, place, "must be true or {}; to switch it off, remove the key");
}

void value_read(struct messages *messages, struct place *place, const struct key *key, void *base)
{
    static void (*const readers[])(struct messages *, struct place *, const struct key *,
                                   void *) = {[KEY_BOOL] = read_bool,
                                              [KEY_INTEGER] = read_integer,
                                              [KEY_DURATION] = read_duration,
                                              [KEY_STRING] = read_text,
                                              [KEY_STRINGS] = read_texts,
                                              [KEY_PEER_NAMES] = read_texts,
                                              [KEY_PEER_PINS] = read_texts,
                                              [KEY_ENUM] = read_enum,
                                              [KEY_PATH] = read_path,
                                              [KEY_PRESENT] = read_present,
                                              [KEY_ADDRESS] = value_read_address,
                                              [KEY_ADDRESSES] = value_read_addresses,
                                              [KEY_NETWORK] = value_read_network,
                                              [KEY_NETWORKS] = value_read_networks,
                                              [KEY_SESSIONS] = value_read_sessions,
                                              [KEY_PROXY] = read_text};
    readers[key->type](messages, place, key, base);
}
