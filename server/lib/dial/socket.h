/* What a dial is given, and the socket for one of its attempts. */
#ifndef ACTPASS_SERVER_LIB_DIAL_SOCKET_H
#define ACTPASS_SERVER_LIB_DIAL_SOCKET_H

#include "server/lib/dial/candidates.h"
#include "server/lib/dial/source.h"
#include "server/lib/dial/wait.h"

#include <stdint.h>

struct through; /* through.h */

/* Which addresses may be dialed, where that is known only once a name is resolved. */
struct dial_filter {
    bool (*permits)(void *arg, const struct candidate *to); /* NULL: all */
    void *arg;
};

struct dial {
    const struct config_address *addresses;
    size_t count;
    int lookup_flags; /* of resolve_host: AI_ADDRCONFIG, or 0 where loopback addresses are usual */
    const struct config_address *from; /* local address of TCP connections; NULL or none: any */
    struct source source;              /* and more about it; its addresses only without FROM */
    const struct through *through;     /* the proxy, for steps.h and dial_first; NULL: directly */
    int64_t deadline_us;    /* CLOCK_MONOTONIC, for all addresses together; DEADLINE_NEVER: the
                               kernel's limits only */
    const char *limit_name; /* what the deadline is called in messages: "connect_timeout" */
    struct dial_wait wait;
    struct dial_observer observer;
    struct dial_filter filter; /* of race.h: others are left out and not reported */
};

/* Reports to the observer that the attempt failed. */
void dial_report(const struct dial *dial, const struct candidate *to, const char *why);

/* Returns an unconnected socket for the candidate, with our options set and bound to DIAL's local
 * address. -1: the observer was notified. */
int dial_socket(const struct dial *dial, const struct candidate *to);

#endif
