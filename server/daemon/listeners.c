#include "server/daemon/listeners.h"

#include <stdlib.h>

bool listeners_add(struct listeners *listeners, struct listener *listener,
                   const struct config_address *of, uint16_t port)
{
    struct listeners_item *items =
        reallocarray(listeners->items, listeners->count + 1, sizeof(*items));
    if (!items) {
        listener_close(listener);
        return false;
    }
    items[listeners->count++] =
        (struct listeners_item){.listener = listener, .of = of, .port = port};
    listeners->items = items;
    return true;
}

void listeners_shut(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_shut(listeners->items[i].listener);
}

void listeners_clear(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_close(listeners->items[i].listener);
    free(listeners->items);
    *listeners = (struct listeners){.items = NULL};
}
