/* Reading again what the configuration names, while connections come and go. */
#include "server/daemon/server.h"
#include "server/lib/settings.h"

actpass_config *server_settings(actpass_server *server, struct service *service)
{
    (void)pthread_mutex_lock(&server->settings_lock);
    actpass_config *settings = settings_hold(service->settings);
    (void)pthread_mutex_unlock(&server->settings_lock);
    return settings;
}

/* Connections that are open keep the old ones, which go with the last of them. */
static void replace(actpass_server *server, struct service *service, actpass_config *settings)
{
    (void)pthread_mutex_lock(&server->settings_lock);
    actpass_config *before = service->settings;
    service->settings = settings;
    (void)pthread_mutex_unlock(&server->settings_lock);
    actpass_config_free(before);
}

static bool reload(actpass_server *server, struct service *service)
{
    char error[1024] = "";
    const struct tls_owner owner = {service->config->name, server->own_keys};
    actpass_config *made =
        settings_new(owner, &service->config->connection, server->relays, error, sizeof(error));
    struct log_field fields[] = {log_text("event", "reload"),
                                 log_text("service", service->config->name),
                                 log_text("error", error)};
    if (made)
        replace(server, service, made);
    log_write(server->log, made ? CONFIG_LOG_INFO : CONFIG_LOG_ERROR, fields, made ? 2 : 3);
    return made;
}

int actpass_server_reload(actpass_server *server)
{
    bool all = true;
    for (size_t i = 0; i < server->service_count; i++)
        all = reload(server, &server->services[i]) && all;
    return all ? 0 : -1;
}
