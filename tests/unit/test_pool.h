/* Shared by the tests of the pool: a pool, and who offers and calls. The tasks whose bells it rings
 * are never run here. */
#ifndef ACTPASS_TEST_POOL_H
#define ACTPASS_TEST_POOL_H

#include "server/daemon/fleet/pool.h"

#include "server/daemon/fleet/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 1000 };

struct scene {
    struct crew *crew;
    struct bell bell;
    struct fleet *fleet;
    struct pool *pool;
};

static inline enum task_next no_run(struct task *task, void *arg)
{
    (void)task;
    (void)arg;
    return TASK_END;
}

static inline void begin(struct scene *scene)
{
    *scene = (struct scene){.crew = crew_new(&(struct crew_options){.threads = 1}),
                            .fleet = fleet_new()};
    cr_assert(scene->crew && scene->fleet);
    scene->bell.task = task_new(scene->crew, no_run, NULL);
    scene->pool = fleet_pool(scene->fleet, "field");
    cr_assert(scene->bell.task && scene->pool);
}

static inline void end(struct scene *scene)
{
    struct pool_counts counts = pool_count(scene->pool);
    cr_assert_eq(counts.offers, 0);
    cr_assert_eq(counts.callers, 0);
    cr_assert_eq(counts.names, 0);
    task_discard(scene->bell.task);
    fleet_free(scene->fleet);
    crew_free(scene->crew);
}

/* Also on threads of a test's own, where no assertion may fail. */
static inline void park(struct scene *scene, struct pool_offer *offer, const char *name,
                        uint64_t number)
{
    const struct pool_terms terms = {
        .names = &name, .count = 1, .per_name = MANY, .number = number};
    if (!pool_park(scene->pool, offer, &terms, &scene->bell))
        abort();
}

static inline void call(struct scene *scene, struct pool_caller *caller, const char *name, int fd)
{
    *caller = (struct pool_caller){.request.fd = fd};
    (void)snprintf(caller->request.name, sizeof(caller->request.name), "%s", name);
    if (!pool_call(scene->pool, caller, &scene->bell))
        abort();
}

/* The descriptor that the offer gets; -1: it is not wanted. */
static inline int accept_one(struct pool_offer *offer)
{
    struct pool_request request;
    return pool_accept(offer, &request) ? request.fd : -1;
}

#endif
