/* The folder of "http", and who may see its protected parts. */
#include "config/check.h"
#include "config/equal.h"

#include <stdlib.h>
#include <string.h>

static void check_prefixes(const struct checked_service *checked, const struct place *list,
                           const struct config_http *http)
{
    struct equals prefixes = {.messages = checked->messages};
    const struct config_protected *item = http->protected_paths;
    for (struct place *child = list->child; item && child; child = child->next, item++) {
        struct place *prefix = cJSON_IsObject(child->item) ? place_find(child, "prefix") : child;
        if (item->prefix)
            equals_add(&prefixes, prefix, strdup(item->prefix));
    }
    equals_report(&prefixes, "is in the list already");
}

void check_vouched(struct messages *messages, struct place *names, const struct config_tls *tls,
                   const struct place *place)
{
    if (tls->insecure_any_peer)
        messages_error_at_key(messages, names,
                              "contradicts \"insecure_any_peer\": true, remove one of the two");
    else if (!place_find(place, "ca"))
        messages_error_at_key(messages, names,
                              "needs somebody to vouch for the names: add \"ca\" under \"tls\"");
}

static void check_names(const struct checked_service *checked, const struct place *list)
{
    for (const struct place *child = list->child; child; child = child->next) {
        struct place *names = place_find(child, "peer_names");
        if (names)
            check_vouched(checked->messages, names, &checked->service->connection.tls,
                          checked->tls);
    }
}

static void check_protected(const struct checked_service *checked, struct place *list,
                            const struct config_http *http)
{
    check_prefixes(checked, list, http);
    if (checked->tls)
        check_names(checked, list);
}

/* The "http" in PLACE, if there is one. Returns its "protected", or NULL. */
static struct place *check_folder_and_paths(const struct checked_service *checked,
                                            const struct place *place,
                                            const struct config_http *http)
{
    const struct place *here = place_find(place, "http");
    struct place *list = place_find(here, "protected");
    if (http->root)
        check_folder(checked->messages, place_find(here, "root"), http->root);
    if (list)
        check_protected(checked, list, http);
    return list;
}

/* Where we are TLS server, its clients must be asked for a certificate. */
void check_asks(const struct checked_service *checked, struct place *list,
                const struct config_tls *tls, const struct place *place)
{
    const struct place *client_auth = place_find(place, "client_auth");
    if (list && checked->tls && checked->role_known && !(client_auth && client_auth->bad) &&
        config_client_auth(tls) == CONFIG_CLIENT_AUTH_NONE)
        messages_error_at_key(
            checked->messages, list,
            "needs clients that are asked for a certificate: add \"client_auth\": "
            "\"on_demand\" under \"tls\" (or \"request\" or \"require\")");
}

static bool protects_in_route(const struct config_service *service)
{
    for (size_t i = 0; i < service->route_count; i++)
        if (service->routes[i].handler.http.protected_paths)
            return true;
    return false;
}

/* Only a warning: a program that uses the library may ask for the certificate itself. */
static void check_demand(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    struct place *client_auth = place_find(checked->tls, "client_auth");
    if (service->connection.tls.client_auth == CONFIG_CLIENT_AUTH_ON_DEMAND &&
        checked->role_known && checked->may_serve &&
        (service->as_server.kind != CONFIG_HANDLER_HTTP ||
         !service->as_server.http.protected_paths) &&
        !protects_in_route(service))
        messages_warning_at(
            checked->messages, client_auth,
            "no client is asked for a certificate: nothing but \"http\" with \"protected\" "
            "demands one");
}

static void check_in_routes(const struct checked_service *checked)
{
    const struct config_route *route = checked->service->routes;
    const struct place *list = route ? place_find(checked->place, "routes") : NULL;
    for (struct place *child = list ? list->child : NULL; child; child = child->next, route++) {
        struct place *parts = check_folder_and_paths(checked, child, &route->handler.http);
        const struct config_tls tls = check_tls_of(checked, route);
        if (checked->may_serve && route->role != CONFIG_ROUTE_CLIENT)
            check_asks(checked, parts, &tls, route->has_tls ? place_find(child, "tls") : NULL);
    }
}

void check_http(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    const struct config_tls *tls = &service->connection.tls;
    check_demand(checked);
    check_in_routes(checked);
    const struct place *as_server = place_find(checked->place, "as_server");
    const struct place *as_client = place_find(checked->place, "as_client");
    if (!as_server && !as_client) {
        struct place *list =
            check_folder_and_paths(checked, checked->place, &service->as_server.http);
        if (checked->may_serve)
            check_asks(checked, list, tls, checked->tls);
        return;
    }
    check_asks(checked, check_folder_and_paths(checked, as_server, &service->as_server.http), tls,
               checked->tls);
    (void)check_folder_and_paths(checked, as_client, &service->as_client.http);
}
