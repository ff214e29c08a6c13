#include "server/daemon/service.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/lines.h"
#include "server/daemon/report.h"
#include "server/lib/parsed.h"

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

/* What the library has to say beside what concerns one connection: on any thread. */
static void take_note(const char *message, void *arg)
{
    struct service *service = arg;
    const struct report report = {.log = service->log, .service = service->config->name};
    if (service->notes)
        lines_add(service->notes, "%s", message);
    else
        report_sessions(&report, message);
}

/* NULL with ERROR. */
static actpass_config *new_settings(struct service *service, actpass_config *shared,
                                    struct error_text *error)
{
    actpass_config *settings = actpass_config_new();
    if (!settings) {
        (void)error_set(error, "out of memory for a service's settings");
        return NULL;
    }
    if (parsed_settings(settings, service->config) == 0 &&
        actpass_config_share(settings, shared) == 0 &&
        actpass_config_set_log(settings, take_note, service) == 0 &&
        actpass_config_set_nonblocking(settings, 1) == 0 && actpass_config_check(settings) == 0)
        return settings;
    (void)error_set(error, "%s", actpass_config_error(settings));
    actpass_config_free(settings);
    return NULL;
}

bool service_load_settings(struct service *service, actpass_config *shared,
                           struct error_text *error)
{
    actpass_config *loaded = new_settings(service, shared, error);
    if (!loaded)
        return false;
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
    actpass_config *settings = actpass_config_hold(service->settings);
    lock_release(&service->settings_lock);
    return settings;
}
