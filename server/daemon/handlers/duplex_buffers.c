/* The buffers of a duplex. */
#include "server/daemon/handlers/duplex_internal.h"

#include <stdlib.h>

/* The size of a buffer: small until a buffer was full, then eight records. */
enum { SMALL_BUFFER = DUPLEX_EARLY_MAX, LARGE_BUFFER = 65536 };

/* The buffers of both directions are one allocation, which is freed while the connection is
 * idle. */
void duplex_drop_buffers(struct duplex *duplex)
{
    free(duplex->in.buffer);
    duplex->in.buffer = duplex->out.buffer = NULL;
    duplex->size = 0;
}

bool duplex_make_buffers(struct duplex *duplex)
{
    bool empty = duplex_is_empty(&duplex->in) && duplex_is_empty(&duplex->out);
    if (duplex->full && duplex->size == SMALL_BUFFER && empty)
        duplex_drop_buffers(duplex);
    if (duplex->size != 0)
        return true;
    size_t size = duplex->full ? LARGE_BUFFER : SMALL_BUFFER;
    duplex->in.buffer = malloc(2 * size);
    if (!duplex->in.buffer) {
        actpass_fail(duplex->conn, ACTPASS_CANCELLED, "out of memory for the buffers");
        return false;
    }
    duplex->out.buffer = duplex->in.buffer + size;
    duplex->size = size;
    return true;
}

void duplex_release_idle(struct duplex *duplex)
{
    if (duplex_is_empty(&duplex->in) && duplex_is_empty(&duplex->out)) {
        duplex_drop_buffers(duplex);
        duplex->full = false;
    }
}
