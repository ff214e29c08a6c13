#include "server/daemon/fleet/directory_lists.h"

#include <stdlib.h>
#include <string.h>

enum { WANTS_MAX = 4096 };

/* Makes room for one more element. False: out of memory. */
static bool make_room(void **items, size_t size, size_t count, size_t *room)
{
    if (count < *room)
        return true;
    size_t more = *room ? 2 * *room : 16;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *room = more;
    return true;
}

void notes_clear(struct notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        free(notes->items[i].name);
    free(notes->items);
    *notes = (struct notes){.items = NULL};
}

void wants_clear(struct wants *wants)
{
    for (size_t i = 0; i < wants->count; i++)
        free(wants->items[i].name);
    free(wants->items);
    *wants = (struct wants){.items = NULL};
}

bool notes_append(struct notes *notes, const char *name, bool here)
{
    void *items = notes->items;
    bool has_room = make_room(&items, sizeof(struct note), notes->count, &notes->room);
    notes->items = items;
    char *copy = has_room ? strdup(name) : NULL;
    if (copy)
        notes->items[notes->count++] = (struct note){copy, here};
    return copy;
}

static struct want *find_want(const struct wants *wants, const char *name)
{
    for (size_t i = 0; i < wants->count; i++)
        if (strcmp(wants->items[i].name, name) == 0)
            return &wants->items[i];
    return NULL;
}

void wants_add(struct wants *wants, const char *name, int64_t due_us)
{
    struct want *known = find_want(wants, name);
    if (known) {
        known->count++;
        known->due_us = due_us < known->due_us ? due_us : known->due_us;
        return;
    }
    char *copy = wants->count < WANTS_MAX ? strdup(name) : NULL;
    void *items = wants->items;
    bool added = copy && make_room(&items, sizeof(struct want), wants->count, &wants->room);
    wants->items = items;
    if (added)
        wants->items[wants->count++] = (struct want){copy, 1, due_us};
    else
        free(copy);
}

void wants_reduce(struct wants *wants, size_t at, size_t less)
{
    struct want *want = &wants->items[at];
    want->count -= less;
    if (want->count == 0) {
        free(want->name);
        *want = wants->items[--wants->count];
    }
}
