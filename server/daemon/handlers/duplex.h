/* Joins a TLS connection and a connected plain socket, in both directions. Half-closes are passed
 * on in both directions. If one side ends without a proper close, the other is not closed properly
 * either, so nobody takes half a message for a whole one. */
#ifndef ACTPASS_SERVER_HANDLERS_DUPLEX_H
#define ACTPASS_SERVER_HANDLERS_DUPLEX_H

#include "server/daemon/handlers/handler.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Begins to join job->conn with the descriptor PLAIN, which must not block and stays the caller's
 * to close. job->state and job->own are the duplex's until it is done. NAME and ADDRESS are what
 * messages call the plain side ("the backend ", "127.0.0.1:80"); both must outlive the job. Returns
 * false if memory is short, which is the close reason then. */
bool duplex_begin(struct handler_job *job, int plain, const char *name, const char *address);

/* What the two ends of a socketpair share whose conversations are joined by it: a unix socket has
 * no reset, so an end that was cut would look like one in order. Counted references; any thread. */
struct duplex_link {
    atomic_uint references;
    atomic_bool cut;
};

/* With one reference for each end. NULL: out of memory. */
struct duplex_link *duplex_link_new(void);
void duplex_link_release(struct duplex_link *link); /* NULL is fine */

/* A program at the other end of PLAIN, an end of a socketpair. That this is closed does not say
 * whether the program has done its work, so its status does: another thread notes that, and then
 * rings the job's bell. */
enum duplex_exit {
    DUPLEX_EXIT_NONE,     /* it runs */
    DUPLEX_EXIT_IN_ORDER, /* by itself */
    DUPLEX_EXIT_CUT       /* by a signal: what it has written may be a part */
};
struct duplex_program {
    atomic_uint exit;      /* enum duplex_exit */
    struct error_text why; /* set before DUPLEX_EXIT_CUT */
    bool copied; /* constant: another process copies what it writes, and so closes PLAIN after it */
};

/* What is there before the first step. All zero: nothing. */
enum { DUPLEX_EARLY_MAX = 8192 };
struct duplex_early {
    const void *in; /* to be sent to the plain side first; at most DUPLEX_EARLY_MAX bytes */
    size_t in_size;
    const void *out; /* to be sent to the TLS side first; the same */
    size_t out_size;
    struct duplex_link *link; /* of PLAIN, which is an end of a socketpair; not taken over, and must
                                 outlive the job. NULL: it is not */
    struct duplex_program *program; /* at its other end; the same. NULL: there is none */
};

/* duplex_begin with that. The bytes are copied. */
bool duplex_begin_with(struct handler_job *job, int plain, const char *name, const char *address,
                       const struct duplex_early *early);

/* The step of a handler. With HANDLER_DONE it has freed its state, and *IN_ORDER says whether both
 * sides have closed in order. */
enum handler_next duplex_step(struct handler_job *job, bool *in_order);

#endif
