#include "server/daemon/sandbox/paths.h"

#include <stdlib.h>
#include <string.h>

static struct paths_item *find(const struct paths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->items[i].path, path) == 0)
            return &paths->items[i];
    return NULL;
}

static bool append(struct paths *paths, const char *path, unsigned access)
{
    struct paths_item *items = reallocarray(paths->items, paths->count + 1, sizeof(*items));
    if (!items)
        return false;
    paths->items = items;
    char *copy = strdup(path);
    if (copy)
        items[paths->count++] = (struct paths_item){.path = copy, .access = access};
    return copy;
}

bool paths_add(struct paths *paths, const char *path, unsigned access)
{
    struct paths_item *item = find(paths, path);
    if (!item)
        return append(paths, path, access);
    item->access |= access;
    return true;
}

unsigned paths_access(const struct paths *paths, const char *path)
{
    const struct paths_item *item = find(paths, path);
    return item ? item->access : 0;
}

static bool is_above(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    return strncmp(folder, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool paths_allow(const struct paths *paths, const char *path, unsigned access)
{
    for (size_t i = 0; i < paths->count; i++)
        if ((paths->items[i].access & access) == access && is_above(paths->items[i].path, path))
            return true;
    return false;
}

void paths_free(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i].path);
    free(paths->items);
    *paths = (struct paths){0};
}
