/* The state of duplex.h, and what its parts do for each other. Only they include it. */
#ifndef ACTPASS_SERVER_HANDLERS_DUPLEX_INTERNAL_H
#define ACTPASS_SERVER_HANDLERS_DUPLEX_INTERNAL_H

#include "server/daemon/handlers/duplex.h"

#include <sys/types.h>

/* One direction: bytes that were read from one side and not yet written to the other. */
struct duplex_direction {
    uint8_t *buffer;
    size_t start, end;
    bool ended;  /* the source will send no more */
    bool closed; /* and the end was passed on to the other side */
};

struct duplex {
    actpass_conn *conn;
    size_t size;   /* of each buffer; 0: there are no buffers now */
    bool borrowed; /* they are on the stack of the thread that runs the step */
    bool full;     /* a buffer was full */
    bool used;     /* the peer has sent data */
    int plain;
    struct duplex_direction in;  /* from TLS to the plain side */
    struct duplex_direction out; /* from the plain side to TLS */
    bool dry;                    /* TLS had nothing to read, and nothing has come since */
    bool readable;               /* the plain side may have bytes */
    bool writable;               /* the plain side may take bytes */
    bool gone;                   /* it has hung up: the end behind its last bytes has no event */
    bool urgent;     /* it has sent urgent data: a read ends before that, and not after it */
    bool unflushed;  /* TLS output that waits in the ring */
    int plain_error; /* its first errno: a failed write consumes a reset, and the next read returns
                        0 as at a clean end (hazard 18) */
    size_t read;     /* bytes, in this step */
    int64_t deadline_us; /* of the idle timeout */
    const char *name, *address;
    struct duplex_link *link;       /* NULL: PLAIN is no end of a socketpair */
    struct duplex_program *program; /* NULL: no program is at its other end */
    int64_t exit_us; /* until when its status is waited for, after it has closed; 0: it has not */
};

static inline bool duplex_is_empty(const struct duplex_direction *direction)
{
    return direction->start == direction->end;
}

/* ---- Buffers (duplex_buffers.c) -------------------------------------------------------------- */

/* The size of a buffer: small until a buffer was full, then eight records. */
enum { DUPLEX_SMALL_BUFFER = DUPLEX_EARLY_MAX, DUPLEX_LARGE_BUFFER = 65536 };

static inline bool duplex_has_bytes(const struct duplex *duplex)
{
    return !duplex_is_empty(&duplex->in) || !duplex_is_empty(&duplex->out);
}

/* Allocates buffers, of which there are none. False: out of memory, which is the close reason. */
bool duplex_make_buffers(struct duplex *duplex, size_t size);

/* Uses MEMORY, which is twice the size of a small buffer, until duplex_give_buffers_back; if there
 * are buffers already, those stay. */
void duplex_borrow_buffers(struct duplex *duplex, uint8_t *memory);

/* Ends what duplex_borrow_buffers has begun. The small buffers are needed from one step to the next
 * only if bytes are left in them, which is rare. So a connection that waits has none, and one that
 * is busy uses memory that the processor has in its cache. False: out of memory, as above. */
bool duplex_give_buffers_back(struct duplex *duplex);

/* Large buffers take the place of small ones once these were full. False: out of memory, as
 * above. */
bool duplex_grow_buffers(struct duplex *duplex);

void duplex_drop_buffers(struct duplex *duplex);

/* Drops them if they are empty; new ones are small. */
void duplex_release_idle(struct duplex *duplex);

/* ---- Bytes (duplex_move.c) ------------------------------------------------------------------- */

/* The result of an attempt. FAILED: one of the sides has failed. */
enum duplex_moved { DUPLEX_NOTHING, DUPLEX_MOVED, DUPLEX_FAILED };

/* Moves until there is nothing to move, or until others should have their turn. *MOVED: has
 * anything moved? */
enum duplex_moved duplex_move_all(struct duplex *duplex, bool *moved);

/* Have both directions ended, and the program, if there is one? */
bool duplex_is_closed(const struct duplex *duplex);

/* What the caller does before each wait. */
void duplex_flush(struct duplex *duplex);

/* ---- A program at the plain side (duplex_program.c) ------------------------------------------ */

static inline enum duplex_exit duplex_exit_of(const struct duplex *duplex)
{
    return duplex->program ? (enum duplex_exit)atomic_load(&duplex->program->exit)
                           : DUPLEX_EXIT_NONE;
}

/* Once it has exited, it takes no more, and all that it has written can be read. */
void duplex_take_exit(struct duplex *duplex);

/* Is the end that was read to be passed on only with its status, which is not there yet? */
bool duplex_must_wait_for_exit(struct duplex *duplex);

/* What a read of LENGTH, or -1 with errno, means: a program that has left input unread looks like a
 * reset, and one whose children hold its socket open like one that has nothing to say. */
ssize_t duplex_length_of_program(const struct duplex *duplex, ssize_t length);

#endif
