#include "config/equal.h"

#include <stdlib.h>
#include <string.h>

struct equal_entry {
    char *text;
    struct place *place;
};

void equals_add(struct equals *equals, struct place *place, char *text)
{
    if (text && equals->count == equals->capacity) {
        size_t capacity = equals->capacity ? equals->capacity * 2 : 16;
        struct equal_entry *entries = reallocarray(equals->entries, capacity, sizeof(*entries));
        if (entries) {
            equals->entries = entries;
            equals->capacity = capacity;
        }
    }
    if (!text || equals->count == equals->capacity) {
        equals->messages->out_of_memory = true;
        free(text);
        return;
    }
    equals->entries[equals->count++] = (struct equal_entry){text, place};
}

static int compare(const void *left, const void *right)
{
    const struct equal_entry *a = left;
    const struct equal_entry *b = right;
    const struct position *at = &a->place->value;
    const struct position *other = &b->place->value;
    int order = strcmp(a->text, b->text);
    if (order == 0 && at->file != other->file)
        order = at->file < other->file ? -1 : 1;
    else if (order == 0 && at->line != other->line)
        order = at->line < other->line ? -1 : 1;
    else if (order == 0 && at->column != other->column)
        order = at->column < other->column ? -1 : 1;
    return order;
}

void equals_report(struct equals *equals, const char *wrong)
{
    struct equal_entry *entries = equals->entries;
    size_t first = 0;
    if (equals->count)
        qsort(entries, equals->count, sizeof(*entries), compare);
    for (size_t i = 1; i < equals->count; i++) {
        struct place *place = entries[i].place;
        if (strcmp(entries[first].text, entries[i].text) != 0)
            first = i;
        else
            messages_error_at(
                equals->messages, place, "%s, see %s", wrong,
                messages_position(equals->messages, entries[first].place->value, place->value)
                    .text);
    }
    for (size_t i = 0; i < equals->count; i++)
        free(entries[i].text);
    free(entries);
    *equals = (struct equals){.messages = equals->messages};
}
