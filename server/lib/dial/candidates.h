/* The socket addresses behind a list of configured addresses, in the order in which to try them.
 * A name is resolved only when its turn comes. For one thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_CANDIDATES_H
#define ACTPASS_SERVER_LIB_DIAL_CANDIDATES_H

#include "config/config.h"
#include "server/lib/dial/wait.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct lookup; /* resolve.h */

struct candidate {
    struct sockaddr_storage address;
    socklen_t size;
    const struct config_address *of; /* the configured address that it stands for */
};

/* Is called for each attempt that failed, on the dialing thread; WHY is one short sentence. */
struct dial_observer {
    void (*failed)(void *arg, const char *address, const char *why);
    void *arg;
};

struct candidates {
    const struct config_address *addresses; /* borrowed, as is wait */
    size_t count, next;                     /* of the configured addresses */
    const struct candidate *list;           /* of the configured address whose turn it is */
    struct candidate *owned;                /* the list, if it is ours */
    size_t have, at;                        /* in the list */
    struct lookup *lookup;                  /* of the address whose turn it is; NULL: none runs */
    int64_t lookup_until_us;
    const struct dial_wait *wait;
    int64_t deadline_us;
    int lookup_flags;
};

/* Begins with no limits: lookups cannot be cancelled and have no deadline. */
void candidates_begin(struct candidates *candidates, const struct config_address *addresses,
                      size_t count);

/* Begins with socket addresses that were resolved before; LIST is borrowed. */
void candidates_begin_list(struct candidates *candidates, const struct candidate *list,
                           size_t count);

/* Makes lookups end at the deadline (CLOCK_MONOTONIC), and candidates_next return when WAIT, which
 * is borrowed, gives up. */
void candidates_limit(struct candidates *candidates, const struct dial_wait *wait,
                      int64_t deadline_us);

void candidates_end(struct candidates *candidates);

/* Returns true if the next call of candidates_next does not have to resolve a name. */
bool candidates_at_hand(const struct candidates *candidates);

/* Returns true if there are more, as far as is known before names are resolved. */
bool candidates_are_left(const struct candidates *candidates);

/* Takes the next one without waiting. The addresses of a name alternate between the families (RFC
 * 8305 section 4), the first one as getaddrinfo prefers. Each name that cannot be resolved is
 * reported to OBSERVER. */
enum candidates_result {
    CANDIDATES_ONE,
    CANDIDATES_LATER, /* a name is being resolved: call again when candidates_fd is readable, and at
                         lookup_until_us */
    CANDIDATES_NO_MORE
};
enum candidates_result candidates_try(struct candidates *candidates,
                                      const struct dial_observer *observer,
                                      struct candidate *candidate);

/* The descriptor of the lookup that runs; -1: none. It is closed when the lookup ends. */
int candidates_fd(const struct candidates *candidates);

/* The same, but waits. Returns false if there are no more, or if the wait was given up. */
bool candidates_next(struct candidates *candidates, const struct dial_observer *observer,
                     struct candidate *candidate);

/* Resolves one address to a list of *COUNT candidates, at least one, that the caller frees. FLAGS
 * are those of resolve_host(). Returns NULL, or why there are none; valid until this thread calls
 * the function again. ADDRESS must outlive the list. */
const char *candidates_resolve(const struct config_address *address, int flags,
                               const struct dial_wait *wait, int64_t deadline_us,
                               struct candidate **list, size_t *count);

/* Makes the families of getaddrinfo's list alternate. Returns the new first element. */
struct addrinfo;
struct addrinfo *candidates_in_turn(struct addrinfo *list);

/* Writes "192.0.2.1:443", "[2001:db8::1]:443" or "unix:/path". */
void candidate_print(const struct candidate *candidate, char *text, size_t size);

#endif
