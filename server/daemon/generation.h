/* What one load of the configuration has made: its services. The server runs one generation at a
 * time, and a reload replaces it by the next; what is left of it then are services that still have
 * connections (service.h). Counted references. */
#ifndef ACTPASS_SERVER_GENERATION_H
#define ACTPASS_SERVER_GENERATION_H

#include "server/daemon/service.h"

#include <poll.h>

/* The accept thread's own polls, before those of the services. */
enum { GENERATION_OWN_POLLS = 3 };

struct generation_spot {
    struct service *service;
    struct listener *listener;
};

struct generation {
    atomic_uint references;

    /* Constant once loaded; any thread. */
    struct held_config *held;
    const struct config *config;
    struct service **services; /* in the order of the configuration */
    size_t count;
    uint64_t joins; /* descriptors for clients that are joined to devices (capacity.h) */
    struct config_strings fixed; /* what is written for each config_fixed_key */

    /* The accept thread's. */
    struct generation_spot *spots; /* one for each socket that listens */
    size_t spot_count;
    struct pollfd *polls; /* spot_count + GENERATION_OWN_POLLS elements */
};

/* Makes the services, not loaded yet. Takes the configuration, also on failure, which still knows
 * its origin. NULL: out of memory. */
struct generation *generation_new(struct config *config, struct log *log);

struct generation *generation_hold(struct generation *generation);
void generation_release(struct generation *generation); /* accepts NULL */

/* Notes where its services listen, once they do. False: out of memory. */
bool generation_find_spots(struct generation *generation);

/* The service of that name, or NULL. */
struct service *generation_find(const struct generation *generation, const char *name);

#endif
