/* The listeners of one service: one for each address, and for each port of a range. For one thread
 * at a time. */
#ifndef ACTPASS_SERVER_LISTENERS_H
#define ACTPASS_SERVER_LISTENERS_H

#include "server/daemon/listener.h"

/* What a listener was opened for: one port of a configured address. A name can have several. */
struct listeners_item {
    struct listener *listener;
    const struct config_address *of; /* the service's configuration has it */
    uint16_t port;                   /* TCP: as configured */
    bool kept;                       /* the thread that reloads: the next generation has it, too */
};

struct listeners {
    struct listeners_item *items;
    size_t count;
};

/* Takes the listener, also on failure. False: out of memory. */
bool listeners_add(struct listeners *listeners, struct listener *listener,
                   const struct config_address *of, uint16_t port);

/* Shuts all of them. */
void listeners_shut(const struct listeners *listeners);

/* Gives the references back. */
void listeners_clear(struct listeners *listeners);

#endif
