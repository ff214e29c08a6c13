/* Lists of strings. */
#include "config/internal.h"

#include <stdlib.h>

void config_strings_free(struct config_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct config_strings){0};
}
