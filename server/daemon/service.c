#include "server/daemon/service.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/lib/settings.h"

bool service_init(struct service *service, size_t number, const struct config_service *config)
{
    service->number = number;
    service->config = config;
    service->retry_us = DEADLINE_NEVER;
    return pthread_mutex_init(&service->settings_lock, NULL) == 0;
}

static bool load_handler(const struct config_service *config, const struct config_handler *what,
                         struct service_handler *handler, struct error_text *error)
{
    struct error_text why = {.text = ""};
    handler->handler = handler_for(config, what);
    if (!handler->handler || !handler->handler->load ||
        handler->handler->load(what, &handler->loaded, &why))
        return true;
    return error_set(error, "%s: %s", handler->handler->name, why.text);
}

bool service_load_handlers(struct service *service, struct error_text *error)
{
    const struct config_service *config = service->config;
    return load_handler(config, &config->as_server, &service->as_server, error) &&
           load_handler(config, &config->as_client, &service->as_client, error);
}

static void unload_handler(struct service_handler *handler)
{
    if (handler->handler && handler->handler->unload)
        handler->handler->unload(handler->loaded);
}

void service_release(struct service *service)
{
    listener_close(service->listener);
    actpass_config_free(service->settings);
    hints_free(service->hints);
    rates_free(service->rates);
    unload_handler(&service->as_server);
    unload_handler(&service->as_client);
    (void)pthread_mutex_destroy(&service->settings_lock);
}

bool service_load_settings(struct service *service, struct own_keys *own_keys,
                           struct threads *relays, struct error_text *error)
{
    const struct tls_owner owner = {service->config->name, own_keys};
    actpass_config *loaded = settings_new(owner, &service->config->connection, relays, error);
    if (!loaded)
        return false;
    loaded->relay.served = RELAY_BY_CALLER; /* by the connection's task */
    lock_take(&service->settings_lock);
    actpass_config *before = service->settings;
    service->settings = loaded;
    lock_release(&service->settings_lock);
    actpass_config_free(before);
    return true;
}

actpass_config *service_settings(struct service *service)
{
    lock_take(&service->settings_lock);
    actpass_config *settings = settings_hold(service->settings);
    lock_release(&service->settings_lock);
    return settings;
}
