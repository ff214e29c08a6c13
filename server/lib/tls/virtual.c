#include "server/lib/tls/virtual.h"

#include "server/lib/tls/server_name.h"

#include <stdlib.h>
#include <string.h>

static void free_names(struct config_strings *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static bool copy_names(const struct config_strings *from, struct config_strings *to)
{
    *to = (struct config_strings){.items = calloc(from->count + 1, sizeof(*to->items))};
    while (to->items && to->count < from->count) {
        to->items[to->count] = strdup(from->items[to->count]);
        if (!to->items[to->count]) {
            free_names(to);
            return false;
        }
        to->count++;
    }
    return to->items;
}

bool virtuals_add(struct virtuals *virtuals, const struct config_strings *names,
                  struct tls_context *context)
{
    struct virtual_context one = {.context = context};
    struct virtual_context *items =
        reallocarray(virtuals->items, virtuals->count + 1, sizeof(*items));
    if (!items)
        return false;
    virtuals->items = items;
    if (!copy_names(names, &one.names))
        return false;
    items[virtuals->count++] = one;
    return true;
}

void virtuals_free(struct virtuals *virtuals)
{
    for (size_t i = 0; i < virtuals->count; i++)
        free_names(&virtuals->items[i].names);
    free(virtuals->items);
    *virtuals = (struct virtuals){.items = NULL};
}

static struct tls_context *find(const struct virtuals *virtuals, struct server_name name,
                                bool (*matches)(struct server_name name, const char *text))
{
    for (size_t i = 0; i < virtuals->count; i++)
        for (size_t j = 0; j < virtuals->items[i].names.count; j++)
            if (matches(name, virtuals->items[i].names.items[j]))
                return virtuals->items[i].context;
    return NULL;
}

struct tls_context *virtuals_find(const struct virtuals *virtuals, const char *text)
{
    if (!text)
        return NULL;
    const struct server_name name = {text, strlen(text)};
    struct tls_context *found = find(virtuals, name, server_name_equals);
    return found ? found : find(virtuals, name, server_name_is_below);
}
