#include "server/daemon/fleet/fleet.h"

#include "relay/lock.h"
#include "server/daemon/fleet/pool_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fleet {
    struct fleet_elsewhere elsewhere; /* constant once the server runs */
    pthread_mutex_t lock;             /* guards the list, of which nothing is taken away */
    struct pool *first;
    atomic_ullong joins; /* descriptors that callers have made for offers */
};

struct fleet *fleet_new(void)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    if (!fleet || pthread_mutex_init(&fleet->lock, NULL) == 0)
        return fleet;
    free(fleet);
    return NULL;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    while (fleet->first) {
        struct pool *pool = fleet->first;
        fleet->first = pool->next;
        pool_free(pool);
    }
    (void)pthread_mutex_destroy(&fleet->lock);
    free(fleet);
}

struct pool *fleet_pool(struct fleet *fleet, const char *name)
{
    lock_take(&fleet->lock);
    struct pool *pool = fleet->first;
    while (pool && strcmp(pool->title, name) != 0)
        pool = pool->next;
    struct pool *made = pool ? NULL : pool_new(name, &fleet->elsewhere);
    if (made) {
        made->next = fleet->first;
        fleet->first = pool = made;
    }
    lock_release(&fleet->lock);
    return pool;
}

void fleet_look(struct fleet *fleet, void (*see)(struct pool *pool, void *arg), void *arg)
{
    lock_take(&fleet->lock);
    struct pool *pool = fleet->first;
    lock_release(&fleet->lock);
    for (; pool; pool = pool->next)
        see(pool, arg);
}

bool fleet_take_join(struct fleet *fleet, uint64_t max)
{
    if (atomic_fetch_add(&fleet->joins, 1) < max)
        return true;
    (void)atomic_fetch_sub(&fleet->joins, 1);
    return false;
}

void fleet_end_join(struct fleet *fleet)
{
    (void)atomic_fetch_sub(&fleet->joins, 1);
}

void fleet_set_elsewhere(struct fleet *fleet, const struct fleet_elsewhere *elsewhere)
{
    fleet->elsewhere = *elsewhere;
}

void fleet_wanted(struct fleet *fleet, struct pool *pool, const char *name, int64_t after_ms)
{
    const struct fleet_elsewhere *elsewhere = &fleet->elsewhere;
    if (elsewhere->wanted)
        elsewhere->wanted(elsewhere->arg, pool, name, after_ms);
}
