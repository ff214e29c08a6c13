#include "config/visit.h"

#include <string.h>

struct visit {
    config_visitor *visitor;
    void *arg;
};

static void visit_object(const struct visit *visit, const struct key_object *object,
                         const void *base);

static void visit_list(const struct visit *visit, const struct key *key, const char *base)
{
    const char *elements;
    size_t count;
    memcpy(&elements, base + key->offset, sizeof(elements)); /* a pointer of any type */
    memcpy(&count, base + key->second, sizeof(count));
    for (size_t i = 0; i < count; i++)
        visit_object(visit, key->object, elements + i * key->object->size);
}

static void visit_object(const struct visit *visit, const struct key_object *object,
                         const void *base)
{
    for (const struct key *key = object->keys; key->name; key++) {
        if (key->offset == KEY_NOWHERE)
            continue;
        if (key->type == KEY_OBJECT)
            visit_object(visit, key->object, (const char *)base + key->offset);
        else if (key->type == KEY_OBJECTS)
            visit_list(visit, key, base);
        else
            visit->visitor(key, base, visit->arg);
    }
}

void config_visit(const struct config *config, config_visitor *visitor, void *arg)
{
    const struct visit visit = {.visitor = visitor, .arg = arg};
    visit_object(&visit, &config_object, config);
}
