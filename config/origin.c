#include "config/origin.h"

#include "config/place.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which file it is, for origin_file. */
static void identify(struct origin_file *file)
{
    struct stat status;
    file->exists = stat(file->name, &status) == 0;
    if (!file->exists)
        return;
    file->device = status.st_dev;
    file->inode = status.st_ino;
}

bool origin_add(struct origin *origin, const char *name)
{
    struct origin_file *files =
        reallocarray(origin->files, origin->count + 1, sizeof(*origin->files));
    if (!files)
        return false;
    origin->files = files;
    struct origin_file *added = &files[origin->count];
    *added = (struct origin_file){.name = strdup(name), .shown = text_show(name, TEXT_PATH_MAX)};
    if (added->name && added->shown) {
        identify(added);
        origin->count++;
        return true;
    }
    free(added->name);
    free(added->shown);
    return false;
}

const char *origin_name(const struct origin *origin, struct position at)
{
    return origin->files[at.file].name;
}

const char *origin_shown(const struct origin *origin, struct position at)
{
    return origin->files[at.file].shown;
}

static struct place *child_number(const struct place *place, size_t number)
{
    struct place *child = place ? place->child : NULL;
    while (child && number-- > 0)
        child = child->next;
    return child;
}

/* One step of a path: an index of a list, or a key. */
static struct place *child_of(const struct place *place, const char *step)
{
    return cJSON_IsArray(place->item) ? child_number(place, strtoul(step, NULL, 10))
                                      : place_find(place, step);
}

struct place *origin_find(const struct origin *origin, size_t service, const char *key,
                          bool *missing)
{
    const struct place *services = place_find(origin->files[0].root, "services");
    struct place *found = child_number(services, service);
    while (found && *key) {
        char step[64];
        size_t length = strcspn(key, "/");
        if (length >= sizeof(step))
            break;
        memcpy(step, key, length);
        step[length] = '\0';
        struct place *child = child_of(found, step);
        if (!child)
            break;
        found = child;
        key += length + (key[length] == '/');
    }
    *missing = !found || *key;
    return found;
}

void origin_free(struct origin *origin)
{
    if (!origin)
        return;
    for (size_t i = 0; i < origin->count; i++) {
        place_free(origin->files[i].root);
        cJSON_Delete(origin->files[i].json);
        free(origin->files[i].name);
        free(origin->files[i].shown);
    }
    free(origin->files);
    free(origin);
}
