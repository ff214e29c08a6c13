/* What the files of a pool share:
 *
 *   pool_names.c  the names, in a hash table
 *   pool_join.c   offers and callers, and who gets whom
 *   pool_view.c   joins, counts and a look at all of it
 *   fleet.c       all pools */
#ifndef ACTPASS_SERVER_FLEET_POOL_INTERNAL_H
#define ACTPASS_SERVER_FLEET_POOL_INTERNAL_H

#include "server/daemon/fleet/elsewhere.h"
#include "server/daemon/fleet/pool.h"

#include <pthread.h>

/* A name that has offers, callers or joins, or is held by one of them. */
struct pool_name {
    struct pool_name *next; /* in its bucket */
    uint64_t hash;
    size_t holds; /* links of offers, callers, and joins */
    struct pool_link *freshest, *oldest;
    size_t offers;
    struct pool_caller *first, *last; /* that wait */
    size_t callers;
    struct pool_join *newest; /* join */
    size_t joined;
    char text[];
};

/* Names by their hash. */
struct pool_names {
    struct pool_name **buckets;
    size_t size; /* a power of two; 0: none yet */
    size_t count;
    uint64_t seed;
};

struct pool {
    struct pool *next;                       /* in the fleet; constant */
    char *title;                             /* constant */
    const struct fleet_elsewhere *elsewhere; /* the fleet's; constant */

    pthread_mutex_t lock; /* guards all that follows, offers and callers */
    struct pool_names names;
    struct pool_counts counts;
    uint64_t turns;
};

/* NULL: out of memory. */
struct pool *pool_new(const char *title, const struct fleet_elsewhere *elsewhere);
void pool_free(struct pool *pool); /* empty, or NULL */

/* ---- pool_names.c: the lock is held ---------------------------------------------------------- */

void pool_names_init(struct pool_names *names);
void pool_names_free(struct pool_names *names);

/* NULL: it is not there. */
struct pool_name *pool_names_find(const struct pool_names *names, const char *text);

/* Finds it, or adds it, and holds it. NULL: out of memory. */
struct pool_name *pool_names_hold(struct pool_names *names, const char *text);

/* The last hold frees it. NULL is fine. */
void pool_names_release(struct pool_names *names, struct pool_name *name);

#endif
