#include "server/daemon/fleet/pass_on.h"

#include "server/daemon/dial_service.h"
#include "server/daemon/fleet/errand.h"
#include "server/daemon/fleet/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 500 };

static void end(struct conversation *conversation, struct errand *errand)
{
    struct server *server = conversation_server(conversation);
    bool joined = conversation_report(conversation)->reached;
    if (!joined && !conversation_is_stopping(conversation) &&
        pool_wants(errand->pool, errand->name))
        fleet_wanted(server->fleet, errand->pool, errand->name, AGAIN_MS);
    conversation_free(conversation);
    config_address_free(&errand->to);
    free(errand);
}

static enum task_next run(struct task *task, void *arg)
{
    struct conversation *conversation = arg;
    enum task_next next = dial_service_run(conversation, task);
    if (next == TASK_END)
        end(conversation, (struct errand *)conversation_errand(conversation));
    return next;
}

/* NULL: memory is short, or ADDRESS is none. */
static struct errand *new_errand(struct pool *pool, const char *name, const char *address)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    if (!errand)
        return NULL;
    errand->pool = pool;
    (void)snprintf(errand->name, sizeof(errand->name), "%s", name);
    if (!config_address_parse(address, &errand->to) && errand->to.kind == CONFIG_ADDRESS_TCP)
        return errand;
    config_address_free(&errand->to);
    free(errand);
    return NULL;
}

void pass_on_begin(struct server *server, struct service *service, struct pool *pool,
                   const char *name, const char *address)
{
    struct errand *errand = new_errand(pool, name, address);
    struct conversation *conversation = errand ? conversation_new(server, service, -1) : NULL;
    if (!conversation)
        goto out;
    conversation_set_errand(conversation, errand);
    struct task *task = task_new(server->crew, run, conversation);
    if (!task) {
        conversation_drop(conversation, errno);
        goto out;
    }
    conversation_set_task(conversation, task);
    task_start(task, TASK_RUN_NOW);
    return;
out:
    if (errand)
        config_address_free(&errand->to);
    free(errand);
}
