/* Dials what a service keeps up, or dials from time to time: to one address, or to several of which
 * the first that answers is taken. A keeper is a task, which decides (schedule.h); each connection
 * is a task of its own. */
#ifndef ACTPASS_SERVER_CALLHOME_KEEPER_H
#define ACTPASS_SERVER_CALLHOME_KEEPER_H

#include "server/daemon/state.h"

struct keeper;

/* For COUNT addresses of the service from the one of that number on. NULL with errno. Any
 * thread. */
struct keeper *keeper_new(struct server *server, struct service *service, size_t address,
                          size_t count);

/* Releases one that was never started. Any thread. */
void keeper_discard(struct keeper *keeper);

/* From now on it belongs to its task, which ends once the server stops or the service is gone, and
 * all its connections have ended. Accept thread. */
void keeper_start(struct keeper *keeper);

/* The next connections are those of SERVICE, which follows the one before and has the same
 * connections. The keeper must not have ended. Accept thread. */
void keeper_take(struct keeper *keeper, struct service *service);

/* Those of one service are a list: whoever owns the service sets it up and walks it. */
struct keeper *keeper_next(const struct keeper *keeper);
void keeper_link(struct keeper *keeper, struct keeper *next);

#endif
