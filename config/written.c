/* What is written in a configuration, as text to compare. */
#include "config/config.h"
#include "config/origin.h"
#include "config/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the file, since what is relative to its folder depends on it. NULL: out of memory. */
static char *text_of(const struct origin *origin, const struct place *place)
{
    char *text = NULL;
    char *json = cJSON_PrintUnformatted(place->item);
    if (json && asprintf(&text, "%s\n%s", origin_name(origin, place->value), json) < 0)
        text = NULL;
    if (json)
        explicit_bzero(json, strlen(json)); /* variables may bring secrets */
    cJSON_free(json);
    return text;
}

char *config_service_text(const struct config *config, size_t service)
{
    bool missing;
    const struct place *place = origin_find(config->origin, service, "", &missing);
    return missing ? strdup("") : text_of(config->origin, place);
}

char *config_key_text(const struct config *config, const char *key)
{
    const struct place *place = place_find(config->origin->files[0].root, key);
    return place ? text_of(config->origin, place) : strdup("");
}
