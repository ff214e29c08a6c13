#include "config/read.h"

#include "config/internal.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>

#define MOST_KEYS 64  /* of one object in the table */
#define MOST_LISTED 6 /* names in one message */

/* The key under whose object a misplaced one belongs, or NULL. */
static const char *home_of(const struct key_object *object, const char *name)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (key->object && key_find(key->object, name))
            return key->name;
    }
    return NULL;
}

static size_t list_names(const struct key_object *object, const char **names)
{
    size_t count = 0;
    for (const struct key *key = object->keys; key->name && count < MOST_KEYS; key++)
        names[count++] = key->name;
    names[count] = NULL;
    return count;
}

static void unknown_key(struct messages *messages, struct place *place,
                        const struct key_object *object)
{
    const char *names[MOST_KEYS + 1];
    const char *name = place->item->string;
    size_t count = list_names(object, names);
    const char *home = home_of(object, name);
    if (home) {
        error_at_key(messages, place, "unknown key here, it belongs under \"%s\"", home);
        return;
    }
    place->meant = suggest(name, names);
    if (place->meant) {
        error_at_key(messages, place, "unknown key, did you mean \"%s\"?", place->meant);
        return;
    }
    if (count > MOST_LISTED) {
        error_at_key(messages, place, "unknown key; actpass --schema prints the known ones");
        return;
    }
    char list[256];
    join_names(names, " and ", list, sizeof list);
    error_at_key(messages, place, "unknown key; known here: %s", list);
}

/* A list of objects: an array that grows at once to its size, each element with its defaults, so that
 * what is read before an error is freed like all else. */
static void read_objects(struct messages *messages, struct place *place, const struct key *key,
                         void *base)
{
    char *elements = NULL;
    if (!cJSON_IsArray(place->item)) {
        wrong_type(messages, place, "a list of objects");
        return;
    }
    int64_t count = cJSON_GetArraySize(place->item);
    if (count < key->least || count > key->most) {
        error_at(messages, place, "must have from %" PRId64 " to %" PRId64 " items", key->least,
                 key->most);
        return;
    }
    elements = calloc((size_t)count, key->object->size);
    if (!elements) {
        messages->out_of_memory = true;
        return;
    }
    *(void **)((char *)base + key->offset) = elements;
    *(size_t *)((char *)base + key->second) = (size_t)count;
    for (int64_t i = 0; i < count; i++)
        key->object->init(elements + (size_t)i * key->object->size);
    for (struct place *child = place->child; child; child = child->next) {
        read_object(messages, child, key->object, elements);
        elements += key->object->size;
    }
}

static void read_key(struct messages *messages, struct place *place, const struct key *key,
                     void *base)
{
    if (key->type == KEY_OBJECT)
        read_object(messages, place, key->object, (char *)base + key->offset);
    else if (key->type == KEY_OBJECTS)
        read_objects(messages, place, key, base);
    else
        value_read(messages, place, key, base);
}

void read_object(struct messages *messages, struct place *place, const struct key_object *object,
                 void *base)
{
    if (!cJSON_IsObject(place->item)) {
        wrong_type(messages, place, "an object");
        return;
    }
    for (struct place *child = place->child; child; child = child->next) {
        const struct key *key = key_find(object, child->item->string);
        if (!key)
            unknown_key(messages, child, object);
        else if (!child->duplicate) /* only the first one counts */
            read_key(messages, child, key, base);
    }
    for (const struct key *key = object->keys; key->name; key++) {
        if (key->required && !place_find(place, key->name))
            error_at(messages, place, "\"%s\" is missing", key->name);
    }
}
