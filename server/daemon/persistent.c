#include "server/daemon/persistent.h"

#include "server/daemon/callhome/keeper.h"
#include "server/daemon/report.h"

#include <errno.h>

/* The service of before whose task goes on for this one: they share their connections. */
static struct service *predecessor(const struct service *service, const struct generation *before)
{
    struct service *old = before ? generation_find(before, service->config->name) : NULL;
    return old && old->connections == service->connections ? old : NULL;
}

/* Makes the service's keepers, as far as there is memory; reports if that is short. */
static bool make(struct server *server, struct service *service)
{
    const struct config_dial *dial = &service->config->dial;
    struct report report = {.log = server->log, .service = service->config->name};
    bool all = dial->persistent && dial->keep.collectors == CONFIG_COLLECTORS_ALL;
    size_t step = all ? 1 : dial->address_count;
    for (size_t i = 0; i < dial->address_count; i += step) {
        struct keeper *keeper = keeper_new(server, service, i, step);
        if (!keeper) {
            report_dropped(&report, errno);
            return false;
        }
        keeper_link(keeper, service->keepers);
        service->keepers = keeper;
    }
    return true;
}

bool persistent_prepare(struct server *server, struct generation *generation,
                        const struct generation *before)
{
    bool made = true;
    for (size_t i = 0; made && i < generation->count; i++) {
        struct service *service = generation->services[i];
        if (config_dial_is_kept(&service->config->dial) && !predecessor(service, before))
            made = make(server, service);
    }
    return made;
}

void persistent_discard(struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct keeper *keeper = generation->services[i]->keepers;
        generation->services[i]->keepers = NULL;
        while (keeper) {
            struct keeper *next = keeper_next(keeper);
            keeper_discard(keeper);
            keeper = next;
        }
    }
}

/* A keeper that was started may end at any time. */
static void start(struct service *service)
{
    struct keeper *keeper = service->keepers;
    while (keeper) {
        struct keeper *next = keeper_next(keeper);
        keeper_start(keeper);
        keeper = next;
    }
}

static void go_on(struct service *service, struct service *old)
{
    service->keepers = old->keepers;
    old->keepers = NULL;
    for (struct keeper *keeper = service->keepers; keeper; keeper = keeper_next(keeper))
        keeper_take(keeper, service);
}

void persistent_start(struct generation *generation, struct generation *before)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct service *service = generation->services[i];
        struct service *old = predecessor(service, before);
        if (service->keepers)
            start(service);
        else if (config_dial_is_kept(&service->config->dial) && old && old->keepers)
            go_on(service, old);
    }
}
