/* The listeners that a reload keeps. For listening.c. */
#ifndef ACTPASS_SERVER_KEPT_H
#define ACTPASS_SERVER_KEPT_H

#include "server/daemon/generation.h"
#include "server/daemon/handed.h"
#include "server/daemon/inherited.h"

/* Where listeners may come from that are not opened; each may be NULL. */
struct listening_sources {
    const struct generation *before; /* the running one, which is to be replaced */
    struct inherited *inherited;     /* from the service manager */
    struct handed *handed;           /* from the process that this one replaces */
    int cancel_fd;                   /* readable: names are not looked up any more; -1: never */
};

/* One service that is to listen. */
struct opening {
    struct service *service;
    const struct listening_sources *sources;
    struct config_report *report;
};

/* One port of one of its addresses. */
struct spot {
    struct config_address address;   /* with this port alone; it owns nothing */
    const struct config_address *of; /* as it is configured */
};

bool spot_is_any_port(const struct spot *spot);

/* Gives the service those of the generation before that listen there; of them only those that are
 * bound to an address of the list, unless that is NULL. False: out of memory. */
bool kept_take(const struct opening *opening, const struct spot *spot, const struct candidate *list,
               size_t count);

/* Is it a host name that a reload has to look up again? Sockets of the service manager's stay as
 * they are: it has chosen the addresses. */
bool kept_is_name(const struct opening *opening, const struct spot *spot);

/* Before kept_take is called for the first service. */
void kept_forget(const struct generation *before);

#endif
