#include "server/lib/ocsp/due.h"

#include <stdlib.h>

bool due_reserve(struct due *due, size_t count)
{
    size_t room = due->room ? due->room : 16;
    if (count <= due->room)
        return true;
    while (room < count)
        room *= 2;
    struct entry **items = realloc(due->items, room * sizeof(struct entry *));
    if (!items)
        return false;
    due->items = items;
    due->room = room;
    return true;
}

static void put(struct due *due, size_t at, struct entry *entry)
{
    due->items[at] = entry;
    entry->place = at + 1;
}

/* Moves the entry from AT to where it belongs. */
static void sift(struct due *due, size_t at)
{
    struct entry *entry = due->items[at];
    while (at > 0 && entry->due_us < due->items[(at - 1) / 2]->due_us) {
        put(due, at, due->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (size_t child = 2 * at + 1; child < due->count; child = 2 * at + 1) {
        if (child + 1 < due->count && due->items[child + 1]->due_us < due->items[child]->due_us)
            child++;
        if (entry->due_us <= due->items[child]->due_us)
            break;
        put(due, at, due->items[child]);
        at = child;
    }
    put(due, at, entry);
}

void due_set(struct due *due, struct entry *entry, int64_t due_us)
{
    entry->due_us = due_us;
    if (entry->place == 0)
        put(due, due->count++, entry);
    sift(due, entry->place - 1);
}

void due_remove(struct due *due, struct entry *entry)
{
    if (entry->place == 0)
        return;
    size_t at = entry->place - 1;
    struct entry *last = due->items[--due->count];
    entry->place = 0;
    if (last == entry)
        return;
    put(due, at, last);
    sift(due, at);
}

struct entry *due_first(const struct due *due)
{
    return due->count > 0 ? due->items[0] : NULL;
}

void due_free(struct due *due)
{
    free(due->items);
    *due = (struct due){.items = NULL};
}
