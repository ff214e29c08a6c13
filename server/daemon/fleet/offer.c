/* Offer: keeps a device's connection in a pool until a client is joined to it. It costs no thread
 * and no buffer meanwhile. */
#include "server/daemon/conversation.h"
#include "server/daemon/fleet/fleet.h"
#include "server/daemon/fleet/offered.h"
#include "server/daemon/fleet/offered_names.h"
#include "server/daemon/handlers/handler.h"

#include <stdlib.h>

/* False with job->problem. */
static bool park(struct handler_job *job)
{
    struct server *server = conversation_server(job->conversation);
    const struct service *service = conversation_service(job->conversation);
    const struct config_offer *what = &job->what->offer;
    struct pool *pool = fleet_pool(server->fleet, what->pool);
    struct offered_names *names = malloc(sizeof(*names));
    bool parked = false;
    if (names && pool) {
        const struct config_tls tls = config_handler_tls(service->config, job->what);
        offered_names_of(job->conn, &tls.peer_names, names);
        const struct pool_terms terms = {.names = names->items,
                                         .count = names->count,
                                         .per_name = what->per_name,
                                         .number = conversation_report(job->conversation)->number};
        if (names->why)
            (void)error_set(&job->problem, "%s", names->why);
        else
            parked = offered_begin(job, pool, &terms, NULL, 0);
    } else {
        (void)error_set(&job->problem, "out of memory for the pool");
    }
    free(names);
    return parked;
}

static enum handler_next offer(struct handler_job *job)
{
    if (!job->outer && !park(job))
        return HANDLER_DONE;
    return offered_step(job);
}

const struct handler offer_handler = {.name = "offer", .descriptors = 1, .step = offer};
