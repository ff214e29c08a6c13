/* What to connect to: the socket addresses behind a list of configured ones, in the order in which
 * to try them. Names are looked up one by one, when their turn comes. For one thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_CANDIDATES_H
#define ACTPASS_SERVER_LIB_DIAL_CANDIDATES_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct candidate {
    struct sockaddr_storage address;
    socklen_t size;
    const struct config_address *of; /* the configured address that it stands for */
};

/* Hears of each attempt that failed; WHY is one short sentence. */
struct dial_ear {
    void (*failed)(void *arg, const char *address, const char *why);
    void *arg;
};

struct candidates {
    const struct config_address *addresses;
    size_t count, next; /* of the configured addresses */
    struct candidate *list;
    size_t have, at; /* of the one whose turn it is */
    int cancel_fd;
    int64_t deadline_us;
};

void candidates_begin(struct candidates *candidates, const struct config_address *addresses,
                      size_t count);
/* Lookups end at the deadline, and once CANCEL_FD is readable; -1: there is none. */
void candidates_limit(struct candidates *candidates, int cancel_fd, int64_t deadline_us);
void candidates_end(struct candidates *candidates);

/* Is there another one behind the same configured address? Else the next call may wait for a
 * lookup. */
bool candidates_at_hand(const struct candidates *candidates);

/* False: there are no more. A name's addresses come with families in turn (RFC 8305 section 4), the
 * first as getaddrinfo prefers. A name that cannot be looked up is told to EAR. */
bool candidates_next(struct candidates *candidates, const struct dial_ear *ear,
                     struct candidate *candidate);

/* Puts a list of getaddrinfo's into the order in which its addresses are tried: families in turn.
 */
struct addrinfo;
struct addrinfo *candidates_in_turn(struct addrinfo *list);

/* "192.0.2.1:443", "[2001:db8::1]:443" or "unix:/path". */
void candidate_print(const struct candidate *candidate, char *text, size_t size);

#endif
