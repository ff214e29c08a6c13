/* The connections of the admin listener, in the order in which they have last asked something. When
 * one comes for which there is hardly room, the one that has asked nothing for the longest makes
 * way: so those that send a byte now and then, and never a request, cannot keep others out. For one
 * thread. */
#ifndef ACTPASS_SERVER_ADMIN_GUESTS_H
#define ACTPASS_SERVER_ADMIN_GUESTS_H

#include <stdbool.h>
#include <stddef.h>

struct guest {
    int fd;       /* the connection's, not ours */
    bool leaving; /* it was shut down, and is not on the list any more */
    struct guest *before, *after;
};

/* All zero but max: there are none. */
struct guests {
    size_t max; /* at least 1 */
    size_t count;
    struct guest *first, *last; /* first: that which has asked nothing for the longest */
};

/* One more. If there are max already, shuts the first one down (shutdown(2)), so that whoever
 * serves it sees its end. NULL: out of memory. */
struct guest *guests_enter(struct guests *guests, int fd);

/* It has sent a complete request. GUEST may be NULL. */
void guests_asked(struct guests *guests, struct guest *guest);

/* Its connection is gone, whoever ended it. Frees it. GUEST may be NULL. */
void guests_leave(struct guests *guests, struct guest *guest);

#endif
