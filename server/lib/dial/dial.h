/* Opening a TCP or unix connection to the first of several addresses that answers (RFC 8305, "Happy
 * Eyeballs"): attempts begin 250 ms after each other, at once where one has failed, and go on side
 * by side; the first to connect wins. A further configured address is a spare one: it is begun only
 * when all before it failed or had up to two seconds. For one thread; another one may cancel.
 *
 * From a fixed local port two that dial each other may meet without a listener: TCP's simultaneous
 * open (RFC 9293 section 3.5). Candidates of another family than the local address are told and
 * left out. */
#ifndef ACTPASS_SERVER_LIB_DIAL_DIAL_H
#define ACTPASS_SERVER_LIB_DIAL_DIAL_H

#include "server/lib/dial/candidates.h"

#include <stdint.h>

struct dial {
    const struct config_address *addresses;
    size_t count;
    const struct config_address *from; /* local address of TCP connections; NULL or none: any */
    int64_t timeout_ms; /* for all addresses together; negative: none but the kernel's */
    int cancel_fd;      /* gives up once it is readable, and never reads it; -1: none */
    struct dial_ear ear;
};

/* A connected socket that does not block, and what it is connected to; or -1: all attempts that
 * failed were told to the ear, or it was cancelled. */
int dial_first(const struct dial *dial, struct candidate *winner);

/* The same for this one alone. */
int dial_one(const struct dial *dial, const struct candidate *to);

/* Was it cancelled? */
bool dial_is_cancelled(int cancel_fd);

/* Tells the ear that this one failed. */
void dial_report(const struct dial *dial, const struct candidate *to, const char *why);

/* An unconnected socket for it, with our options set and bound to DIAL's local address. -1: the ear
 * was told. */
int dial_socket(const struct dial *dial, const struct candidate *to);

#endif
