#include "server/daemon/recheck.h"

void recheck_service(struct server *server, const struct service *service)
{
    if (service->config->on_reload == CONFIG_ON_RELOAD_RECHECK)
        registry_recheck(server->registry, service->connections);
}

void recheck_generation(struct server *server, const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        recheck_service(server, generation->services[i]);
}
