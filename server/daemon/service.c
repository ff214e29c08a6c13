#include "server/daemon/service.h"

#include "relay/clock.h"
#include "server/lib/settings.h"

bool service_init(struct service *service, size_t number, const struct config_service *config)
{
    service->number = number;
    service->config = config;
    service->retry_us = DEADLINE_NEVER;
    return pthread_mutex_init(&service->settings_lock, NULL) == 0;
}

void service_release(struct service *service)
{
    listener_close(service->listener);
    actpass_config_free(service->settings);
    hints_free(service->hints);
    rates_free(service->rates);
    (void)pthread_mutex_destroy(&service->settings_lock);
}

bool service_load_settings(struct service *service, struct own_keys *own_keys,
                           struct threads *relays, char *error, size_t size)
{
    const struct tls_owner owner = {service->config->name, own_keys};
    actpass_config *loaded = settings_new(owner, &service->config->connection, relays, error, size);
    if (!loaded)
        return false;
    (void)pthread_mutex_lock(&service->settings_lock);
    actpass_config *before = service->settings;
    service->settings = loaded;
    (void)pthread_mutex_unlock(&service->settings_lock);
    actpass_config_free(before);
    return true;
}

actpass_config *service_settings(struct service *service)
{
    (void)pthread_mutex_lock(&service->settings_lock);
    actpass_config *settings = settings_hold(service->settings);
    (void)pthread_mutex_unlock(&service->settings_lock);
    return settings;
}
