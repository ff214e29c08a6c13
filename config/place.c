#include "config/place.h"

#include <string.h>

struct place *place_find(const struct place *place, const char *name)
{
    if (!place || !cJSON_IsObject(place->item))
        return NULL;
    for (struct place *child = place->child; child; child = child->next)
        if (strcmp(child->item->string, name) == 0)
            return child;
    for (struct place *child = place->child; child; child = child->next)
        if (child->meant && strcmp(child->meant, name) == 0)
            return child;
    return NULL;
}
