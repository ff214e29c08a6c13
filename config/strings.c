/* Lists of strings. */
#include "config/internal.h"

#include <stdlib.h>

void *strings_grow(void *items, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? reallocarray(items, count ? 2 * count : 1, size) : items;
}

bool config_strings_insert(struct config_strings *strings, size_t at, char *text)
{
    char **items = strings_grow(strings->items, strings->count, sizeof(*items));
    if (!items)
        return false;
    strings->items = items;
    memmove(items + at + 1, items + at, (strings->count - at) * sizeof(*items));
    items[at] = text;
    strings->count++;
    return true;
}

void config_strings_free(struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct config_strings){0};
}
