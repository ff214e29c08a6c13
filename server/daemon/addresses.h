/* The addresses from which a service has connections, and the connection that makes way next: the
 * oldest "undecided" one (its handshake is not complete) of the address that has the most of them.
 * O(log n) for n addresses. It has no lock: the caller's lock guards it. */
#ifndef ACTPASS_SERVER_ADDRESSES_H
#define ACTPASS_SERVER_ADDRESSES_H

#include "server/lib/peers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addresses;
struct address;

/* One connection, inside the memory of its owner. All zero: it has not been added. */
struct address_entry {
    struct address *address;
    int64_t since_us;                      /* when it was added */
    bool undecided;                        /* it is in the list of its address: */
    struct address_entry *older, *younger; /* by age */
};

/* NULL: out of memory. */
struct addresses *addresses_new(void);
void addresses_free(struct addresses *addresses); /* empty, or NULL */

/* Adds an undecided connection, the youngest of all. KEY is its address with only the bits that
 * count. False: out of memory, and nothing is changed. */
bool addresses_add(struct addresses *addresses, struct address_entry *entry,
                   const struct peer_key *key, int64_t now_us);

/* The entry is no longer undecided: the handshake is complete, or it was chosen to make way. No
 * effect if it was not added. */
void addresses_settle(struct addresses *addresses, struct address_entry *entry);
void addresses_remove(struct addresses *addresses, struct address_entry *entry);

/* The connections of one address. */
size_t addresses_open(struct addresses *addresses, const struct peer_key *key);

/* The largest number of undecided connections that any address has. */
size_t addresses_most_undecided(const struct addresses *addresses);

/* The connection that makes way next. NULL: no connection is undecided. */
struct address_entry *addresses_first_to_go(const struct addresses *addresses);

#endif
