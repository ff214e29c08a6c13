#include "relay/ring_pool.h"

#include "relay/lock.h"

#include <stdlib.h>

/* As many as threads may give back at once; a large pair is 256 KiB. */
enum { SMALL_MAX = 16, LARGE_MAX = 4 };

struct kept {
    struct ring_pair pairs[SMALL_MAX];
    unsigned count;
};

struct ring_pool {
    pthread_mutex_t lock; /* guards kept */
    struct kept kept[RING_KINDS];
};

struct ring_pool *ring_pool_new(void)
{
    struct ring_pool *pool = calloc(1, sizeof(*pool));
    if (!pool || pthread_mutex_init(&pool->lock, NULL) == 0)
        return pool;
    free(pool);
    return NULL;
}

static void free_pair(struct ring_pair pair)
{
    BIO_free(pair.internal);
    BIO_free(pair.external);
}

bool ring_pool_take(struct ring_pool *pool, enum ring_kind kind, struct ring_pair *pair)
{
    if (!pool)
        return false;
    lock_take(&pool->lock);
    struct kept *kept = &pool->kept[kind];
    bool found = kept->count > 0;
    if (found)
        *pair = kept->pairs[--kept->count]; /* the last one: it is in the cache */
    lock_release(&pool->lock);
    return found;
}

void ring_pool_give(struct ring_pool *pool, enum ring_kind kind, struct ring_pair pair)
{
    bool taken = false;
    if (pool) {
        lock_take(&pool->lock);
        struct kept *kept = &pool->kept[kind];
        taken = kept->count < (kind == RING_KIND_LARGE ? LARGE_MAX : SMALL_MAX);
        if (taken)
            kept->pairs[kept->count++] = pair;
        lock_release(&pool->lock);
    }
    if (!taken)
        free_pair(pair);
}

void ring_pool_empty(struct ring_pool *pool)
{
    struct ring_pair pair;
    for (unsigned kind = 0; kind < RING_KINDS; kind++)
        while (ring_pool_take(pool, (enum ring_kind)kind, &pair))
            free_pair(pair);
}

void ring_pool_free(struct ring_pool *pool)
{
    if (!pool)
        return;
    ring_pool_empty(pool);
    lock_must_succeed(pthread_mutex_destroy(&pool->lock));
    free(pool);
}
