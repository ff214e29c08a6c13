/* A request for a name that is not here, passed on to the collector that has it: a connection to
 * that collector's gate, as TLS client of the service with "share", on which it is asked for the
 * name by HTTP CONNECT (share.c). Once that is answered, the connection is an offer like any other,
 * but for one caller who waits and no other. */
#ifndef ACTPASS_SERVER_FLEET_PASS_ON_H
#define ACTPASS_SERVER_FLEET_PASS_ON_H

#include "server/daemon/fleet/pool.h"
#include "server/daemon/state.h"

/* Begins a connection to the collector at ADDRESS (host:port) for NAME, in a task of its own. What
 * fails is logged; then the name is looked for again as long as somebody waits for it. Any thread.
 */
void pass_on_begin(struct server *server, struct service *service, struct pool *pool,
                   const char *name, const char *address);

#endif
