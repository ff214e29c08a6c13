/* Several collectors: the seam between pools and who knows of other collectors (shares.h). */
#ifndef ACTPASS_SERVER_FLEET_ELSEWHERE_H
#define ACTPASS_SERVER_FLEET_ELSEWHERE_H

#include <stdbool.h>
#include <stdint.h>

struct pool;

/* Who knows of other collectors. */
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

#endif
