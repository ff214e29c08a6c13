#include "server/lib/parsed.h"

#include "server/lib/settings.h"
#include "server/lib/tls/inspect.h"

#include <stdio.h>
#include <string.h>

/* What the rules about client authentication need at each use (config_wrong_client_auth). */
static struct config_connection copy_of(const struct config_connection *connection)
{
    struct config_connection copy = config_connection_without_tls(connection);
    copy.tls.client_auth = connection->tls.client_auth;
    copy.tls.insecure_any_peer = connection->tls.insecure_any_peer;
    return copy;
}

/* The settings of a route for its server names. */
static int add_route(actpass_config *config, const struct config_route *route)
{
    int result = 0;
    actpass_config *own = actpass_config_new();
    if (!own)
        return settings_fail(config, "out of memory for a route's settings");
    own->tls_elsewhere = &route->tls;
    for (size_t i = 0; i < route->server_names.count && result == 0; i++)
        result = actpass_config_add_virtual(config, route->server_names.items[i], own);
    actpass_config_free(own);
    return result;
}

static int add_routes(actpass_config *config, const struct config_service *service)
{
    int result = 0;
    for (size_t i = 0; i < service->route_count && result == 0; i++)
        if (service->routes[i].has_tls)
            result = add_route(config, &service->routes[i]);
    return result;
}

int parsed_settings(actpass_config *config, const struct config_service *service)
{
    const struct config_address *from = &service->dial.from;
    if (settings_changeable(config))
        return -1;
    config->service = strdup(service->name);
    if (!config->service)
        return settings_fail(config, "out of memory for a service's settings");
    if (from->kind != CONFIG_ADDRESS_NONE && actpass_config_set_dial_from(config, from->text))
        return -1;
    config_connection_free(&config->connection);
    config->connection = copy_of(&service->connection);
    config->tls_elsewhere = &service->connection.tls;
    config->connect_timeout_ms = service->dial.connect_timeout_ms;
    return add_routes(config, service);
}

/* Findings of a route, whose places are below the route's. */
struct below {
    parsed_note *note;
    void *arg;
    size_t route;
};

static void note_below(enum config_severity severity, const char *key, const char *text, void *arg)
{
    char whole[96];
    const struct below *below = arg;
    (void)snprintf(whole, sizeof(whole), "routes/%zu/%s", below->route, key);
    below->note(severity, whole, text, below->arg);
}

void parsed_inspect(const struct config_service *service, parsed_note *note, void *arg)
{
    const struct inspection inspection = {note, arg};
    inspect_tls(&service->connection.tls, &inspection);
    for (size_t i = 0; i < service->route_count; i++) {
        struct below below = {note, arg, i};
        const struct inspection deeper = {note_below, &below};
        if (service->routes[i].has_tls)
            inspect_tls(&service->routes[i].tls, &deeper);
    }
}
