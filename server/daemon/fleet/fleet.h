/* All pools of a server, by name. Any thread. A pool is made when its name is first used, and lives
 * as long as the server: a reload finds its offers again. */
#ifndef ACTPASS_SERVER_FLEET_H
#define ACTPASS_SERVER_FLEET_H

#include "server/daemon/fleet/pool.h"

struct fleet;

/* NULL: out of memory. */
struct fleet *fleet_new(void);
void fleet_free(struct fleet *fleet); /* no offers and no callers are left; NULL is fine */

/* NULL: out of memory. */
struct pool *fleet_pool(struct fleet *fleet, const char *name);

/* Calls SEE for each pool, without a lock. */
void fleet_look(struct fleet *fleet, void (*see)(struct pool *pool, void *arg), void *arg);

const char *pool_title(const struct pool *pool); /* its name */

/* ---- Several collectors: the seam -------------------------------------------------------------
 * Who knows of other collectors. Set once, before the server runs. */
struct fleet_elsewhere {
    /* The first offer of a name was parked in POOL (HERE), or the last one has gone. With the
     * pool's lock held: notes it, and calls nothing. */
    void (*noted)(void *arg, struct pool *pool, const char *name, bool here);

    /* A caller waits for a name that has no offer here. Without a lock; never waits. In AFTER_MS it
     * is looked for at other collectors. A connection to the device through one of them, once it
     * stands, is an offer like any other: pool_park under this one name (share.c). */
    void (*wanted)(void *arg, struct pool *pool, const char *name, int64_t after_ms);
    void *arg;
};
void fleet_set_elsewhere(struct fleet *fleet, const struct fleet_elsewhere *elsewhere);

/* Calls `wanted`, if it is set. Not for a request that another collector has passed on: that must
 * not go to a third. */
void fleet_wanted(struct fleet *fleet, struct pool *pool, const char *name, int64_t after_ms);

#endif
