/* What is shown of a pool: joins that last, counts, and names. */
#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/fleet/pool_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Joins ----------------------------------------------------------------------------------- */

/* The lock is held. */
static void add(struct pool_join *join)
{
    struct pool_name *name = join->name;
    join->older = name->newest;
    if (join->older)
        join->older->newer = join;
    name->newest = join;
    name->joined++;
    join->pool->counts.joins++;
}

/* The lock is held. */
static void take_away(struct pool_join *join)
{
    struct pool_name *name = join->name;
    if (join->newer)
        join->newer->older = join->older;
    else
        name->newest = join->older;
    if (join->older)
        join->older->newer = join->newer;
    name->joined--;
    join->pool->counts.joins--;
}

struct pool_join *pool_join_begin(struct pool *pool, const struct pool_request *request,
                                  uint64_t device)
{
    struct pool_join *join = calloc(1, sizeof(*join));
    if (!join)
        return NULL;
    join->pool = pool;
    join->device = device;
    join->client = request->number;
    join->by = request->by;
    join->since_us = clock_now_us();
    (void)snprintf(join->gate, sizeof(join->gate), "%s", request->service);
    lock_take(&pool->lock);
    join->name = pool_names_hold(&pool->names, request->name);
    if (join->name)
        add(join);
    lock_release(&pool->lock);
    if (join->name)
        return join;
    free(join);
    return NULL;
}

void pool_join_end(struct pool_join *join)
{
    if (!join)
        return;
    struct pool *pool = join->pool;
    lock_take(&pool->lock);
    take_away(join);
    pool_names_release(&pool->names, join->name);
    lock_release(&pool->lock);
    free(join);
}

/* ---- Counts ---------------------------------------------------------------------------------- */

void pool_note_outcome(struct pool *pool, enum gate_outcome outcome)
{
    lock_take(&pool->lock);
    pool->counts.outcomes[outcome]++;
    lock_release(&pool->lock);
}

struct pool_counts pool_count(struct pool *pool)
{
    lock_take(&pool->lock);
    struct pool_counts counts = pool->counts;
    counts.names = pool->names.count;
    lock_release(&pool->lock);
    return counts;
}

/* ---- A look ---------------------------------------------------------------------------------- */

enum part { PART_USED, PART_IDLE }; /* names with callers or joins, and the others */

static enum part part_of(const struct pool_name *name)
{
    return name->callers > 0 || name->joined > 0 ? PART_USED : PART_IDLE;
}

static struct pool_seen seen_of(const struct pool_name *name)
{
    return (struct pool_seen){.name = name->text,
                              .offers = name->offers,
                              .callers = name->callers,
                              .joined = name->joined,
                              .since_us = name->oldest ? name->oldest->offer->since_us : -1,
                              .joins = name->newest};
}

/* Returns how many of COUNT are left. The lock is held. */
static size_t look_at(const struct pool_names *names, enum part part, size_t count,
                      void (*see)(const struct pool_seen *seen, void *arg), void *arg)
{
    for (size_t i = 0; i < names->size && count > 0; i++) {
        const struct pool_name *name = names->buckets[i];
        for (; name && count > 0; name = name->next) {
            if (part_of(name) != part)
                continue;
            const struct pool_seen seen = seen_of(name);
            see(&seen, arg);
            count--;
        }
    }
    return count;
}

void pool_look(struct pool *pool, size_t count,
               void (*see)(const struct pool_seen *seen, void *arg), void *arg)
{
    lock_take(&pool->lock);
    count = look_at(&pool->names, PART_USED, count, see, arg);
    (void)look_at(&pool->names, PART_IDLE, count, see, arg);
    lock_release(&pool->lock);
}
