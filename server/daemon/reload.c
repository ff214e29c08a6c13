/* SIGHUP: loads certificates, keys, CRLs and OCSP responses again while connections are open. */
#include "server/daemon/manager.h"

static bool reload(struct server *server, struct service *service)
{
    struct error_text error = {.text = ""};
    bool loaded = service_load_settings(service, server->shared, &error);
    struct log_field fields[] = {log_text("event", "reload"),
                                 log_text("service", service->config->name),
                                 log_text("error", error.text)};
    log_write(server->log, loaded ? CONFIG_LOG_INFO : CONFIG_LOG_ERROR, fields, loaded ? 2 : 3);
    return loaded;
}

int server_reload(struct server *server)
{
    bool all = true;
    manager_reloading(server);
    for (size_t i = 0; i < server->service_count; i++)
        all = reload(server, &server->services[i]) && all;
    manager_reloaded(server, all);
    return all ? 0 : -1;
}
