/* What all users of the key table need. */
#include "config/config.h"
#include "config/internal.h"
#include "config/keys.h"

const struct key *key_find(const struct key_object *object, const char *name)
{
    for (const struct key *key = object->keys; key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

const char *config_fixed_key(size_t number)
{
    for (const struct key *key = config_object.keys; key->name; key++)
        if (key->fixed && number-- == 0)
            return key->name;
    return NULL;
}

static size_t count_names(const struct key *key)
{
    size_t count = 0;
    while (key->names[count])
        count++;
    return count;
}

bool key_has_default(const struct key *key)
{
    switch (key->type) {
    case KEY_BOOL:
    case KEY_DURATION:
    case KEY_SESSIONS:
        return !key->required;
    case KEY_INTEGER:
        return !key->required && key->fallback != 0;
    case KEY_ENUM:
        return !key->required && key->fallback >= key->min &&
               (size_t)(key->fallback - key->min) < count_names(key);
    default:
        return key->fallback_text;
    }
}

void key_set_defaults(const struct key_object *object, void *base)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (key->offset == KEY_NOWHERE)
            continue;
        void *stored = (char *)base + key->offset;
        if (key->type == KEY_OBJECT)
            key_set_defaults(key->object, stored);
        else if (key->type == KEY_BOOL)
            *(bool *)stored = key->fallback;
        else if (key->type == KEY_INTEGER)
            *(uint64_t *)stored = (uint64_t)key->fallback;
        else if (key->type == KEY_DURATION)
            *(int64_t *)stored = key->fallback;
        else if (key->type == KEY_ENUM)
            *(unsigned *)stored = (unsigned)key->fallback;
        else if (key->type == KEY_SESSIONS)
            ((struct config_sessions *)stored)->kind = (enum config_sessions_kind)key->fallback;
    }
}
