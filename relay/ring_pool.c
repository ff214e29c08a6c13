#include "relay/ring_pool.h"

#include "relay/lock.h"

#include <stdlib.h>
#include <string.h>

/* As many as threads may give back at once; a large pair is 256 KiB. */
enum { SMALL_MAX = 16, LARGE_MAX = 4 };

struct kept {
    struct ring_pair pairs[SMALL_MAX];
    unsigned count;
};

struct ring_pool {
    pthread_mutex_t lock; /* guards all that follows */
    struct kept kept[RING_KINDS];
    uint64_t gifts;          /* so far */
    uint64_t gifts_at_leave; /* when somebody left last */
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

uint64_t ring_pool_give(struct ring_pool *pool, enum ring_kind kind, struct ring_pair pair)
{
    bool taken = false;
    uint64_t gift = 0;
    if (pool) {
        lock_take(&pool->lock);
        struct kept *kept = &pool->kept[kind];
        taken = kept->count < (kind == RING_KIND_LARGE ? LARGE_MAX : SMALL_MAX);
        if (taken)
            kept->pairs[kept->count++] = pair;
        gift = ++pool->gifts;
        lock_release(&pool->lock);
    }
    if (!taken)
        free_pair(pair);
    return gift;
}

static void free_all(const struct kept kept[RING_KINDS])
{
    for (unsigned kind = 0; kind < RING_KINDS; kind++)
        for (unsigned i = 0; i < kept[kind].count; i++)
            free_pair(kept[kind].pairs[i]);
}

void ring_pool_leave(struct ring_pool *pool, uint64_t gift)
{
    struct kept unused[RING_KINDS] = {{.count = 0}};
    if (!pool)
        return;
    lock_take(&pool->lock);
    if (pool->gifts == gift || pool->gifts == pool->gifts_at_leave) {
        memcpy(unused, pool->kept, sizeof(unused));
        memset(pool->kept, 0, sizeof(pool->kept));
    }
    pool->gifts_at_leave = pool->gifts;
    lock_release(&pool->lock);
    free_all(unused);
}

void ring_pool_free(struct ring_pool *pool)
{
    if (!pool)
        return;
    free_all(pool->kept);
    lock_must_succeed(pthread_mutex_destroy(&pool->lock));
    free(pool);
}
