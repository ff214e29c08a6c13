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

/* "transparent" has no place in the library: what dials for it is the daemon. */
static int add_source(actpass_config *config, const struct config_source *source)
{
    for (size_t i = 0; i < source->from.count; i++)
        if (actpass_config_add_dial_source(config, source->from.items[i]))
            return -1;
    if (source->device && actpass_config_set_dial_device(config, source->device))
        return -1;
    return actpass_config_set_dial_mark(config, (uint32_t)source->mark);
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
    if (add_source(config, &service->dial.source))
        return -1;
    const struct config_through *through = &service->dial.through;
    if (through->proxy.kind != CONFIG_PROXY_NONE &&
        actpass_config_set_dial_through(config, through->proxy.text, through->credentials_file))
        return -1;
    config_connection_free(&config->connection);
    config->connection = copy_of(&service->connection);
    config->tls_elsewhere = &service->connection.tls;
    config->connect_timeout_ms = service->dial.connect_timeout_ms;
    return add_routes(config, service);
}

int parsed_make_files(actpass_config *config)
{
    struct error_text error = {.text = ""};
    if (tls_context_make_files(config->tls, &error))
        return 0;
    return settings_fail(config, "%s", error.text);
}

void parsed_start(const actpass_config *config)
{
    tls_context_start(config->tls);
}

/* What the finding is about, beside what inspect.h knows. */
struct found {
    parsed_note *note;
    void *arg;
    size_t service;
    const struct config_route *route; /* NULL: it is the service's own "tls" */
    size_t number;                    /* of the route */
};

static void pass_on(enum config_severity severity, const char *key, const char *text, void *arg)
{
    char below[96];
    const struct found *found = arg;
    if (found->route)
        (void)snprintf(below, sizeof(below), "routes/%zu/%s", found->number, key);
    found->note(found->service, severity, found->route ? below : key, text, found->arg);
}

static void inspect_routes(const struct config_service *service, struct found *found,
                           const struct inspection *inspection)
{
    for (found->number = 0; found->number < service->route_count; found->number++) {
        found->route = &service->routes[found->number];
        if (found->route->has_tls)
            inspect_tls(&found->route->tls, inspection);
    }
    found->route = NULL;
}

void parsed_inspect(const struct config *config, parsed_note *note, void *arg)
{
    struct inspect_refused refused = {.count = 0};
    struct found found = {.note = note, .arg = arg};
    const struct inspection inspection = {pass_on, &found, &refused};
    for (; found.service < config->service_count; found.service++) {
        const struct config_service *service = &config->services[found.service];
        inspect_tls(&service->connection.tls, &inspection);
        inspect_routes(service, &found, &inspection);
    }
}
