/* The buffers of a duplex. */
#include "server/daemon/handlers/duplex_internal.h"

#include <stdlib.h>
#include <string.h>

/* The buffers of both directions are one piece of memory. */
static void use_buffers(struct duplex *duplex, uint8_t *memory, size_t size)
{
    duplex->in.buffer = memory;
    duplex->out.buffer = memory ? memory + size : NULL;
    duplex->size = size;
}

void duplex_drop_buffers(struct duplex *duplex)
{
    if (!duplex->borrowed)
        free(duplex->in.buffer);
    duplex->borrowed = false;
    use_buffers(duplex, NULL, 0);
}

bool duplex_make_buffers(struct duplex *duplex, size_t size)
{
    uint8_t *memory = malloc(2 * size);
    if (!memory) {
        actpass_fail(duplex->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
        return false;
    }
    use_buffers(duplex, memory, size);
    return true;
}

bool duplex_grow_buffers(struct duplex *duplex)
{
    if (!duplex->full || duplex->size != DUPLEX_SMALL_BUFFER || duplex_has_bytes(duplex))
        return true;
    duplex_drop_buffers(duplex);
    return duplex_make_buffers(duplex, DUPLEX_LARGE_BUFFER);
}

void duplex_borrow_buffers(struct duplex *duplex, uint8_t *memory)
{
    if (duplex->size != 0)
        return;
    use_buffers(duplex, memory, DUPLEX_SMALL_BUFFER);
    duplex->borrowed = true;
}

static void keep_bytes(struct duplex_direction *direction, const struct duplex_direction *before)
{
    direction->end -= direction->start;
    direction->start = 0;
    memcpy(direction->buffer, before->buffer + before->start, direction->end);
}

bool duplex_give_buffers_back(struct duplex *duplex)
{
    struct duplex_direction in = duplex->in, out = duplex->out;
    bool has_bytes = duplex_has_bytes(duplex);
    if (duplex->size != DUPLEX_SMALL_BUFFER || (has_bytes && !duplex->borrowed))
        return true;
    duplex_drop_buffers(duplex);
    if (!has_bytes)
        return true;
    if (!duplex_make_buffers(duplex, DUPLEX_SMALL_BUFFER))
        return false;
    keep_bytes(&duplex->in, &in);
    keep_bytes(&duplex->out, &out);
    return true;
}

void duplex_release_idle(struct duplex *duplex)
{
    if (duplex_has_bytes(duplex))
        return;
    duplex_drop_buffers(duplex);
    duplex->full = false;
}
