#include "server/daemon/generation.h"

#include <stdlib.h>
#include <string.h>

/* On failure `count` is the number of those that were made. */
static bool make_services(struct generation *generation, struct log *log)
{
    size_t count = generation->config->service_count;
    generation->services = calloc(count, sizeof(struct service *));
    if (!generation->services)
        return false;
    while (generation->count < count) {
        struct service *service = service_new(generation->held, generation->count, log);
        if (!service)
            return false;
        generation->services[generation->count++] = service;
    }
    return true;
}

static bool note_fixed(struct generation *generation)
{
    for (size_t i = 0; config_fixed_key(i); i++) {
        char *text = config_key_text(generation->config, config_fixed_key(i));
        if (!text || !config_strings_insert(&generation->fixed, i, text)) {
            free(text);
            return false;
        }
    }
    return true;
}

struct generation *generation_new(struct config *config, struct log *log)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    struct held_config *held = held_config_new(config);
    if (!generation || !held) {
        held_config_release(held);
        free(generation);
        return NULL;
    }
    atomic_init(&generation->references, 1);
    generation->held = held;
    generation->config = held->config;
    if (make_services(generation, log) && note_fixed(generation))
        return generation;
    generation_release(generation);
    return NULL;
}

struct generation *generation_hold(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

static void free_texts(struct config_strings *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

void generation_release(struct generation *generation)
{
    if (!generation || atomic_fetch_sub(&generation->references, 1) > 1)
        return;
    for (size_t i = 0; i < generation->count; i++)
        service_release(generation->services[i]);
    free_texts(&generation->fixed);
    held_config_release(generation->held);
    free(generation->services);
    free(generation->spots);
    free(generation->polls);
    free(generation);
}

static void add_spots(struct generation *generation, struct service *service)
{
    for (size_t i = 0; i < service->listeners.count; i++)
        generation->spots[generation->spot_count++] =
            (struct generation_spot){service, service->listeners.items[i].listener};
}

bool generation_find_spots(struct generation *generation)
{
    size_t count = 0;
    for (size_t i = 0; i < generation->count; i++)
        count += generation->services[i]->listeners.count;
    generation->spots = calloc(count + 1, sizeof(generation->spots[0])); /* never 0 */
    generation->polls = calloc(count + GENERATION_OWN_POLLS, sizeof(generation->polls[0]));
    if (!generation->spots || !generation->polls)
        return false;
    for (size_t i = 0; i < generation->count; i++)
        add_spots(generation, generation->services[i]);
    return true;
}

struct service *generation_find(const struct generation *generation, const char *name)
{
    for (size_t i = 0; i < generation->count; i++)
        if (strcmp(generation->services[i]->config->name, name) == 0)
            return generation->services[i];
    return NULL;
}
