/* Opens a TCP or unix connection to the first of several addresses that answers (RFC 8305, "Happy
 * Eyeballs"): an attempt begins 250 ms after the one before it, or at once if that has failed, and
 * attempts run at the same time; the first to connect wins. A further configured address is a
 * spare: it is tried only when all before it have failed or have had up to two seconds. For one
 * thread; another one may cancel.
 *
 * From a fixed local port, two peers that dial each other can meet without a listener: TCP's
 * simultaneous open (RFC 9293 section 3.5). Candidates of another family than the local address are
 * reported and left out. */
#ifndef ACTPASS_SERVER_LIB_DIAL_DIAL_H
#define ACTPASS_SERVER_LIB_DIAL_DIAL_H

#include "server/lib/dial/candidates.h"
#include "server/lib/dial/wait.h"

#include <stdint.h>

struct dial {
    const struct config_address *addresses;
    size_t count;
    int lookup_flags; /* of resolve_host: AI_ADDRCONFIG, or 0 where loopback addresses are usual */
    const struct config_address *from; /* local address of TCP connections; NULL or none: any */
    int64_t deadline_us;    /* CLOCK_MONOTONIC, for all addresses together; DEADLINE_NEVER: the
                               kernel's limits only */
    const char *limit_name; /* what the deadline is called in messages: "connect_timeout" */
    struct dial_wait wait;
    struct dial_observer observer;
};

/* Returns a connected non-blocking socket, which the caller closes, and in *WINNER what it is
 * connected to. -1: each attempt has failed and was reported to the observer, or the dial was
 * cancelled. */
int dial_first(const struct dial *dial, struct candidate *winner);

/* As dial_first, with COUNT candidates that were resolved before instead of dial->addresses. */
int dial_list(const struct dial *dial, const struct candidate *list, size_t count,
              struct candidate *winner);

/* As dial_first, with one candidate. */
int dial_one(const struct dial *dial, const struct candidate *to);

/* Reports to the observer that the attempt failed. */
void dial_report(const struct dial *dial, const struct candidate *to, const char *why);

/* Returns an unconnected socket for the candidate, with our options set and bound to DIAL's local
 * address. -1: the observer was notified. */
int dial_socket(const struct dial *dial, const struct candidate *to);

#endif
