/* All pools of a server, by name. Any thread. A pool is made when its name is first used, and lives
 * as long as the server: a reload finds its offers again. */
#ifndef ACTPASS_SERVER_FLEET_H
#define ACTPASS_SERVER_FLEET_H

#include "server/daemon/fleet/elsewhere.h"
#include "server/daemon/fleet/pool.h"

struct fleet;

/* NULL: out of memory. */
struct fleet *fleet_new(void);
void fleet_free(struct fleet *fleet); /* no offers and no callers are left; NULL is fine */

/* NULL: out of memory. */
struct pool *fleet_pool(struct fleet *fleet, const char *name);

/* Calls SEE for each pool, without a lock. */
void fleet_look(struct fleet *fleet, void (*see)(struct pool *pool, void *arg), void *arg);

/* ---- Descriptors for joins ------------------------------------------------------------------- */

/* Takes one of MAX, for the descriptor that a caller makes for the offer's task. False: all are
 * taken. Whoever closes that descriptor ends it: the offer's task, or without a join the caller's.
 */
bool fleet_take_join(struct fleet *fleet, uint64_t max);
void fleet_end_join(struct fleet *fleet);

/* ---- Several collectors ---------------------------------------------------------------------- */

/* Sets who knows of them: once, before the server runs. */
void fleet_set_elsewhere(struct fleet *fleet, const struct fleet_elsewhere *elsewhere);

/* Calls `wanted`, if it is set. Not for a request that another collector has passed on: that must
 * not go to a third. */
void fleet_wanted(struct fleet *fleet, struct pool *pool, const char *name, int64_t after_ms);

#endif
