#include "config/read.h"

#include "config/foreign.h"
#include "config/internal.h"
#include "config/value.h"
#include "config/value_type.h"

#include <stdlib.h>

#define KEYS_MAX 64  /* of one object in the table */
#define LISTED_MAX 6 /* names in one message */

static size_t list_names(const struct key_object *object, const char **names)
{
    size_t count = 0;
    for (const struct key *key = object->keys; key->name && count < KEYS_MAX; key++)
        names[count++] = key->name;
    names[count] = NULL;
    return count;
}

static const char *suggest_in(const struct key_object *object, const char *name)
{
    const char *names[KEYS_MAX + 1];
    if (!object)
        return NULL;
    (void)list_names(object, names);
    return suggest_key(name, names);
}

/* True if it is known one level further in or out, and was reported as such. */
static bool is_misplaced(struct messages *messages, struct place *place,
                         const struct key_object *object)
{
    const char *name = place->item->string;
    const char *outer = suggest_in(object->outer, name);
    if (outer && strcmp(outer, name) == 0) {
        messages_error_at_key(messages, place, "unknown key here, it belongs one level up");
        return true;
    }
    for (const struct key *key = object->keys; key->name; key++) {
        const char *inner = suggest_in(key->object, name);
        if (!inner)
            continue;
        if (strcmp(inner, name) == 0)
            messages_error_at_key(messages, place, "unknown key here, it belongs under \"%s\"",
                                  key->name);
        else
            messages_error_at_key(messages, place,
                                  "unknown key, did you mean \"%s\"? It belongs under \"%s\"",
                                  inner, key->name);
        return true;
    }
    if (outer)
        messages_error_at_key(messages, place,
                              "unknown key, did you mean \"%s\"? It belongs one level up", outer);
    return outer;
}

/* Where our key is, seen from OBJECT. */
static const char *way_to(const struct foreign_key *foreign, const struct key_object *object)
{
    if (!foreign->object || foreign->object == object)
        return "";
    if (foreign->object == object->outer)
        return ", one level up";
    return foreign->object == &tls_object ? ", under \"tls\"" : ", in a service";
}

/* True if it is a key of another program, and was reported as such. */
static bool is_foreign(struct messages *messages, struct place *place,
                       const struct key_object *object)
{
    const struct foreign_key *foreign = foreign_find(place->item->string);
    if (!foreign)
        return false;
    if (foreign->object == object)
        place->meant = foreign->key;
    const char *advice = foreign->advice ? foreign->advice : "";
    const char *gap = foreign->advice ? ". " : "";
    if (foreign->key)
        messages_error_at_key(messages, place, "unknown key; actpass calls it \"%s\"%s%s%s",
                              foreign->key, way_to(foreign, object), gap, advice);
    else
        messages_error_at_key(messages, place, "unknown key%s%s", gap, advice);
    return true;
}

static void unknown_key(struct messages *messages, struct place *place,
                        const struct key_object *object)
{
    const char *names[KEYS_MAX + 1];
    char list[256];
    if (is_foreign(messages, place, object))
        return;
    place->meant = suggest_in(object, place->item->string);
    if (place->meant) {
        messages_error_at_key(messages, place, "unknown key, did you mean \"%s\"?", place->meant);
        return;
    }
    if (is_misplaced(messages, place, object))
        return;
    if (list_names(object, names) > LISTED_MAX) {
        messages_error_at_key(messages, place,
                              "unknown key; actpass --schema prints the known ones");
        return;
    }
    suggest_join(names, " and ", list, sizeof(list));
    messages_error_at_key(messages, place, "unknown key; known here: %s", list);
}

/* An object, or a string alone where it has a key for that. */
static void read_one_object(struct messages *messages, struct place *place,
                            const struct key_object *object, void *base)
{
    const char *shorthand = object->shorthand;
    if (shorthand && cJSON_IsString(place->item))
        value_read(messages, place, key_find(object, shorthand), base);
    else if (shorthand && !cJSON_IsObject(place->item))
        value_wrong_type(messages, place, "a string or an object");
    else
        read_object(messages, place, object, base);
}

/* A list of objects: the array has its full size and every element its defaults before the first
 * one is read, so that it can be freed whatever is wrong with them. */
static void read_objects(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    const char *shorthand = key->object->shorthand;
    size_t count = value_list_size(
        messages, place, key, shorthand ? "a list of strings or objects" : "a list of objects");
    if (count == 0)
        return;
    char *elements = calloc(count, key->object->size);
    if (!elements) {
        messages->out_of_memory = true;
        return;
    }
    memcpy((char *)base + key->offset, &elements, sizeof(elements)); /* a pointer of any type */
    *(size_t *)((char *)base + key->second) = count;
    for (size_t i = 0; i < count; i++)
        key_set_defaults(key->object, elements + i * key->object->size);
    for (struct place *child = place->child; child; child = child->next) {
        read_one_object(messages, child, key->object, elements);
        elements += key->object->size;
    }
}

/* An object, or true or false. */
static void read_switch(struct messages *messages, struct place *place, const struct key *key,
                        void *base)
{
    bool *on = (bool *)((char *)base + key->second);
    const char *variable = place->written ? cJSON_GetStringValue(place->item) : "";
    *on = cJSON_IsObject(place->item) || cJSON_IsTrue(place->item) || strcmp(variable, "true") == 0;
    if (cJSON_IsObject(place->item))
        read_object(messages, place, key->object, (char *)base + key->offset);
    else if (!*on && !cJSON_IsFalse(place->item) && strcmp(variable, "false") != 0)
        value_wrong_type(messages, place, "true, false or an object");
}

static void read_key(struct messages *messages, struct place *place, const struct key *key,
                     void *base)
{
    if (place->unread)
        return;
    if (key->kind)
        *(unsigned *)(void *)((char *)base + key->kind_at) = key->kind;
    if (key->or_bool)
        read_switch(messages, place, key, base);
    else if (key->type == KEY_OBJECT)
        read_one_object(messages, place, key->object, (char *)base + key->offset);
    else if (key->type == KEY_OBJECTS)
        read_objects(messages, place, key, base);
    else
        value_read(messages, place, key, base);
}

/* For a key that is not there. */
static void fill_in(struct messages *messages, struct place *place, const struct key *key,
                    void *base)
{
    char **text = (char **)(void *)((char *)base + key->offset);
    if (key->required) {
        messages_error_at(messages, place, "\"%s\" is missing", key->name);
        return;
    }
    *text = strdup(key->fallback_text);
    if (!*text)
        messages->out_of_memory = true;
}

void read_object(struct messages *messages, struct place *place, const struct key_object *object,
                 void *base)
{
    if (!cJSON_IsObject(place->item)) {
        value_wrong_type(messages, place, "an object");
        return;
    }
    for (struct place *child = place->child; child; child = child->next) {
        const struct key *key = key_find(object, child->item->string);
        if (!key)
            unknown_key(messages, child, object);
        else if (!child->duplicate && !key->deferred) /* only the first one counts */
            read_key(messages, child, key, base);
    }
    for (const struct key *key = object->keys; key->name; key++)
        if ((key->required || key->fallback_text) && !place_find(place, key->name))
            fill_in(messages, place, key, base);
}

void read_keys(struct messages *messages, struct place *place, const struct key_object *object,
               void *base)
{
    for (struct place *child = place->child; child; child = child->next) {
        const struct key *key = key_find(object, child->item->string);
        if (key && !child->duplicate)
            read_key(messages, child, key, base);
    }
}
