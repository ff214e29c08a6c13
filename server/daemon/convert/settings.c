#include "server/daemon/convert/settings.h"

#include "config/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct section *section_new(const char *name, size_t length, struct setting_place place)
{
    struct section *section = calloc(1, sizeof(*section));
    char *copy = strndup(name, length);
    if (!section || !copy) {
        free(section);
        free(copy);
        return NULL;
    }
    section->name = copy;
    section->place = place;
    return section;
}

void section_free(struct section *section)
{
    if (!section)
        return;
    for (size_t i = 0; i < section->count; i++) {
        free(section->settings[i].name);
        free(section->settings[i].value);
        section_free(section->settings[i].inside);
    }
    free(section->settings);
    free(section->name);
    free(section);
}

struct section *settings_add(struct settings *settings, const char *name, size_t length,
                             struct setting_place place)
{
    struct section **sections =
        strings_grow(settings->sections, settings->count, sizeof(*settings->sections));
    if (!sections)
        return NULL;
    settings->sections = sections;
    struct section *section = section_new(name, length, place);
    if (section)
        sections[settings->count++] = section;
    return section;
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        section_free(settings->sections[i]);
    free(settings->sections);
    *settings = (struct settings){0};
}

struct setting *section_add(struct section *section, const char *name, size_t name_length,
                            const char *value, size_t value_length, struct setting_place place)
{
    struct setting *settings =
        strings_grow(section->settings, section->count, sizeof(*section->settings));
    if (!settings)
        return NULL;
    section->settings = settings;
    struct setting added = {
        .name = strndup(name, name_length), .value = strndup(value, value_length), .place = place};
    if (!added.name || !added.value) {
        free(added.name);
        free(added.value);
        return NULL;
    }
    settings[section->count] = added;
    return &settings[section->count++];
}

const struct setting *section_own(const struct section *section, const char *name)
{
    for (size_t i = section->count; i > 0; i--)
        if (strcasecmp(section->settings[i - 1].name, name) == 0)
            return &section->settings[i - 1];
    return NULL;
}

const struct setting *section_last(const struct section *section, const char *name)
{
    const struct setting *own = section_own(section, name);
    return own || !section->defaults ? own : section_own(section->defaults, name);
}

const char *section_value(const struct section *section, const char *name)
{
    const struct setting *last = section_last(section, name);
    return last ? last->value : NULL;
}

static bool holds(const struct section *section, const struct setting *setting)
{
    return setting >= section->settings && setting < section->settings + section->count;
}

static const struct setting *find_from(const struct section *section, const char *name, size_t from)
{
    for (size_t i = from; i < section->count; i++)
        if (strcasecmp(section->settings[i].name, name) == 0)
            return &section->settings[i];
    return NULL;
}

const struct setting *section_next(const struct section *section, const char *name,
                                   const struct setting *after)
{
    const struct setting *found = NULL;
    bool is_own = after && section->count > 0 && holds(section, after);
    if (!is_own && section->defaults) {
        size_t from = after ? (size_t)(after - section->defaults->settings) + 1 : 0;
        found = find_from(section->defaults, name, from);
    }
    if (found)
        return found;
    return find_from(section, name, is_own ? (size_t)(after - section->settings) + 1 : 0);
}
