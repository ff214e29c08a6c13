/* Offer: keeps a device's connection in a pool until a client is joined to it. It costs no thread
 * and no buffer meanwhile. */
#include "server/daemon/conversation.h"
#include "server/daemon/current.h"
#include "server/daemon/fleet/fleet.h"
#include "server/daemon/fleet/offered.h"
#include "server/daemon/fleet/offered_names.h"
#include "server/daemon/generation.h"
#include "server/daemon/handlers/handler.h"

#include <stdlib.h>

/* NULL with job->problem: out of memory. WHAT is a handler of SERVICE, whose trust counts. */
static struct offered_names *find_names(struct handler_job *job, const struct service *service,
                                        const struct config_handler *what)
{
    const struct config_tls tls = config_handler_tls(service->config, what);
    struct offered_names *names = malloc(sizeof(*names));
    if (names)
        offered_names_of(job->conn, &tls.peer_names, names);
    else
        (void)error_set(&job->problem, "out of memory for the pool");
    return names;
}

static struct pool_terms terms_of(const struct handler_job *job, const struct offered_names *names)
{
    return (struct pool_terms){.names = names->items,
                               .count = names->count,
                               .per_name = job->what->offer.per_name,
                               .number = conversation_report(job->conversation)->number};
}

/* False with job->problem. */
static bool park(struct handler_job *job)
{
    struct server *server = conversation_server(job->conversation);
    struct pool *pool = fleet_pool(server->fleet, job->what->offer.pool);
    struct offered_names *names =
        find_names(job, conversation_service(job->conversation), job->what);
    bool parked = false;
    if (names && names->why) {
        (void)error_set(&job->problem, "%s", names->why);
    } else if (names && pool) {
        const struct pool_terms terms = terms_of(job, names);
        parked = offered_begin(job, pool, &terms, NULL, 0);
    } else {
        (void)error_set(&job->problem, "out of memory for the pool");
    }
    free(names);
    return parked;
}

/* By the settings that its peer was judged by just now. NULL with job->problem. */
static struct offered_names *find_names_now(struct handler_job *job)
{
    struct generation *generation = server_generation(conversation_server(job->conversation));
    const struct service *service = conversation_service(job->conversation);
    const struct service *now = generation_find(generation, service->config->name);
    const struct config_handler *what = job->what;
    actpass_info_t info;
    actpass_info(job->conn, &info);
    if (now) {
        service = now;
        what = service_choose(now, job->conn, &info)->what;
    }
    struct offered_names *names = find_names(job, service, what);
    generation_release(generation);
    return names;
}

/* A peer that the newer settings accept may have lost some of its names by them. False: it has
 * ended. */
static bool park_again(struct handler_job *job)
{
    struct offered_names *names = find_names_now(job);
    bool parked = false;
    job->rechecked = false;
    if (names && !names->why) {
        const struct pool_terms terms = terms_of(job, names);
        parked = offered_rename(job, &terms);
    } else {
        if (names)
            actpass_fail(job->conn, ACTPASS_REFUSED, names->why);
        (void)offered_end(job);
    }
    free(names);
    return parked;
}

static enum handler_next offer(struct handler_job *job)
{
    bool parked = true;
    if (!job->outer)
        parked = park(job);
    else if (job->rechecked)
        parked = park_again(job);
    return parked ? offered_step(job) : HANDLER_DONE;
}

/* The descriptor of the client that it is joined to is counted apart (capacity_joins). */
const struct handler offer_handler = {.name = "offer", .step = offer};
