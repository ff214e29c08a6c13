/* The spill: accepted output that the transport has no room for yet. */
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t spill_size(const struct spill *spill)
{
    return spill->end - spill->start;
}

/* Makes room for SIZE more bytes behind what is there, which moves to the front. */
static bool make_room(struct spill *spill, size_t size)
{
    size_t have = spill_size(spill);
    if (have && spill->start)
        memmove(spill->data, spill->data + spill->start, have);
    spill->start = 0;
    spill->end = have;
    if (spill->capacity - have >= size)
        return true;
    uint8_t *larger = realloc(spill->data, have + size);
    if (!larger)
        return false;
    spill->data = larger;
    spill->capacity = have + size;
    return true;
}

int spill_append(struct spill *spill, const void *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!make_room(spill, size))
        return ENOMEM;
    memcpy(spill->data + spill->end, data, size);
    spill->end += size;
    return 0;
}

void spill_take(struct spill *spill, size_t size)
{
    spill->start += size;
    if (spill->start < spill->end)
        return;
    free(spill->data); /* rare, and an idle connection should not keep it */
    *spill = (struct spill){0};
}
