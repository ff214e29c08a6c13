#include "server/daemon/admin/backends_metrics.h"

static void each_of(const struct service *service, const char *route,
                    const struct service_handler *handler, see_backend *see, void *arg)
{
    bool forwards = handler->handler && handler->what->kind == CONFIG_HANDLER_FORWARD;
    if (!forwards || !handler->loaded)
        return;
    const struct config_backends *backends = &handler->what->forward;
    for (size_t i = 0; i < backends->count; i++)
        see(service->config->name, route, backends->items[i].text,
            backends_look(handler->loaded, i), arg);
}

void backends_metrics_each(const struct service *service, see_backend *see, void *arg)
{
    enum config_role role = service->config->connection.role;
    if (role != CONFIG_ROLE_CLIENT)
        each_of(service, "as_server", &service->as_server, see, arg);
    if (role != CONFIG_ROLE_SERVER)
        each_of(service, "as_client", &service->as_client, see, arg);
    for (size_t i = 0; i < service->route_count; i++)
        each_of(service, service->routes[i].handler.route, &service->routes[i].handler, see, arg);
}
