#include "server/daemon/service.h"

#include "server/daemon/fleet/directory.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/crew/crew.h"
#include "server/daemon/lines.h"
#include "server/daemon/report.h"
#include "server/lib/parsed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The configuration --------------------------------------------------------------------- */

struct held_config *held_config_new(struct config *config)
{
    struct held_config *held = malloc(sizeof(*held));
    if (!held) {
        config_free(config);
        return NULL;
    }
    atomic_init(&held->references, 1);
    held->config = config;
    return held;
}

void held_config_release(struct held_config *held)
{
    if (!held || atomic_fetch_sub(&held->references, 1) > 1)
        return;
    config_free(held->config);
    free(held);
}

/* ---- The service --------------------------------------------------------------------------- */

struct service *service_new(struct held_config *held, size_t number, struct log *log)
{
    struct service *service = calloc(1, sizeof(*service));
    if (!service)
        return NULL;
    service->written = config_service_text(held->config, number);
    if (!service->written || pthread_mutex_init(&service->settings_lock, NULL) != 0) {
        free(service->written);
        free(service);
        return NULL;
    }
    atomic_init(&service->references, 1);
    atomic_fetch_add(&held->references, 1);
    service->held = held;
    service->number = number;
    service->config = &held->config->services[number];
    service->log = log;
    service->retry_us = DEADLINE_NEVER;
    return service;
}

struct service *service_hold(struct service *service)
{
    atomic_fetch_add(&service->references, 1);
    return service;
}

static bool load_handler(const struct config_service *config, const struct config_handler *what,
                         struct service_handler *handler, struct error_text *error)
{
    struct error_text why = {.text = ""};
    handler->what = what;
    handler->handler = handler_for(config, what);
    if (!handler->handler || !handler->handler->load ||
        handler->handler->load(what, &handler->loaded, &why))
        return true;
    return error_set(error, "%s: %s", handler->handler->name, why.text);
}

static bool load_registry(struct service *service, struct error_text *error)
{
    if (!config_shares(service->config))
        return true;
    service->registry = directory_place_new(&service->config->share.registry, error);
    return service->registry;
}

static bool load_route(const struct config_service *config, size_t number,
                       struct service_route *route, struct error_text *error)
{
    const struct config_route *what = &config->routes[number];
    (void)snprintf(route->number, sizeof(route->number), "%zu", number);
    route->handler.route = route->refusal.route = what->name ? what->name : route->number;
    route->refusal.handler = handler_of(CONFIG_HANDLER_REFUSE);
    route->refusal.what = &what->handler;
    return route_load(&route->conditions, what, error) &&
           load_handler(config, &what->handler, &route->handler, error);
}

static bool load_routes(struct service *service, struct error_text *error)
{
    const struct config_service *config = service->config;
    if (config->route_count == 0)
        return true;
    service->routes = calloc(config->route_count, sizeof(*service->routes));
    if (!service->routes)
        return error_set(error, "out of memory for routes");
    service->route_count = config->route_count;
    for (size_t i = 0; i < config->route_count; i++)
        if (!load_route(config, i, &service->routes[i], error))
            return false;
    return true;
}

bool service_load_handlers(struct service *service, struct error_text *error)
{
    const struct config_service *config = service->config;
    return load_registry(service, error) &&
           load_handler(config, &config->as_server, &service->as_server, error) &&
           load_handler(config, &config->as_client, &service->as_client, error) &&
           load_routes(service, error);
}

static void follow_handler(struct service_handler *handler, const struct service_handler *before)
{
    if (handler->handler && handler->handler == before->handler && handler->handler->follow)
        handler->handler->follow(handler->loaded, before->loaded);
}

/* The route of that name, or without a name of that number. */
static void follow_route(struct service_handler *handler, const struct service *before)
{
    for (size_t i = 0; i < before->route_count; i++)
        if (strcmp(handler->route, before->routes[i].handler.route) == 0)
            follow_handler(handler, &before->routes[i].handler);
}

void service_follow(struct service *service, const struct service *before)
{
    follow_handler(&service->as_server, &before->as_server);
    follow_handler(&service->as_client, &before->as_client);
    for (size_t i = 0; i < service->route_count; i++)
        follow_route(&service->routes[i].handler, before);
}

/* A peer that was judged by the "tls" of a route must not get where that of the service leads.
 * NULL: no route takes it. */
static const struct service_handler *find_route(const struct service *service,
                                                const struct route_facts *facts)
{
    const struct service_route *end = service->routes + service->route_count;
    for (const struct service_route *route = service->routes; route < end; route++)
        if (route_owns(&route->conditions, facts))
            return route_takes(&route->conditions, facts) ? &route->handler : &route->refusal;
    for (const struct service_route *route = service->routes; route < end; route++)
        if (route_takes(&route->conditions, facts))
            return &route->handler;
    return NULL;
}

const struct service_handler *service_choose(const struct service *service, actpass_conn *conn,
                                             const actpass_info_t *info)
{
    if (service->route_count > 0) {
        const struct route_facts facts = route_facts_of(conn, info);
        const struct service_handler *found = find_route(service, &facts);
        if (found)
            return found;
    }
    return info->role == ACTPASS_ROLE_CLIENT ? &service->as_client : &service->as_server;
}

static void unload_handler(struct service_handler *handler)
{
    if (handler->handler && handler->handler->unload)
        handler->handler->unload(handler->loaded);
}

static void free_routes(struct service *service)
{
    for (size_t i = 0; i < service->route_count; i++) {
        unload_handler(&service->routes[i].handler);
        route_free(&service->routes[i].conditions);
    }
    free(service->routes);
}

static void free_service(struct service *service)
{
    listeners_clear(&service->listeners);
    registry_service_release(service->connections);
    actpass_config_free(service->settings);
    hints_free(service->hints);
    rates_free(service->rates);
    directory_place_free(service->registry);
    unload_handler(&service->as_server);
    unload_handler(&service->as_client);
    free_routes(service);
    (void)pthread_mutex_destroy(&service->settings_lock);
    free(service->written);
    held_config_release(service->held);
    free(service);
}

/* Closing a session store may block. */
void service_release(struct service *service)
{
    if (!service || atomic_fetch_sub(&service->references, 1) > 1)
        return;
    crew_block();
    free_service(service);
    crew_unblock();
}

/* What the library has to say beside what concerns one connection: on any thread. */
static void take_note(const char *message, void *arg)
{
    struct service *service = arg;
    const struct report report = {.log = service->log, .service = service->config->name};
    if (service->notes)
        lines_add(service->notes, "%s", message);
    else
        report_library(&report, message);
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
    if (config_is_plain_gate(service->config))
        return settings; /* without TLS, so there is nothing in it, and nobody uses it */
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
