/* What "proxy" opens, and from where it connects. */
#include "config/check.h"
#include "config/config.h"

#include <stddef.h>

/* One "proxy", and the object that it is in. */
struct checked_proxy {
    const struct checked_service *of;
    struct place *place;
    const struct config_proxying *proxy;
    struct config_tls tls;            /* by which its peers are judged */
    const struct config_route *route; /* NULL: it is no route's */
    bool may_serve;
};

static bool allows_everything(const struct config_strings *allow)
{
    struct config_target target;
    struct error_text unused;
    for (size_t i = 0; i < allow->count; i++)
        if (config_target_parse(allow->items[i], &target, &unused) &&
            target.kind == CONFIG_TARGET_ANY)
            return true;
    return false;
}

/* A route may be for peers with a certificate alone. */
static bool knows_peers(const struct checked_proxy *checked)
{
    const struct config_route *route = checked->route;
    return !checked->may_serve || config_client_auth(&checked->tls) == CONFIG_CLIENT_AUTH_REQUIRE ||
           (route && (route->peer_names.count > 0 || route->peer_pins.count > 0));
}

static void check_open(const struct checked_proxy *checked)
{
    struct place *allow = place_find(checked->place, "allow");
    if (allow && !allow->bad && checked->of->role_known && checked->of->tls &&
        allows_everything(&checked->proxy->allow) && !knows_peers(checked))
        messages_warning_at(checked->of->messages, allow,
                            "lets anybody who can connect here reach everything from this "
                            "machine's addresses: set \"client_auth\" to \"require\", or allow "
                            "less than \"*\"");
}

/* A name may have addresses of both families. */
static void check_from_where(const struct checked_proxy *checked)
{
    static const struct config_address any = {.kind = CONFIG_ADDRESS_NONE};
    struct place *source = place_find(checked->place, "source");
    if (source)
        check_source_to(checked->of, source, &checked->proxy->source, &any, "allow");
}

static void check_one(const struct checked_service *of, const struct place *outer,
                      const struct config_handler *handler, const struct config_route *route,
                      bool may_serve)
{
    struct place *place = place_find(outer, "proxy");
    if (!place || place->bad)
        return;
    const struct checked_proxy checked = {.of = of,
                                          .place = place,
                                          .proxy = &handler->proxy,
                                          .tls = route ? check_tls_of(of, route)
                                                       : of->service->connection.tls,
                                          .route = route,
                                          .may_serve = may_serve && of->may_serve};
    check_open(&checked);
    check_from_where(&checked);
}

void check_proxy(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    const struct config_route *route = service->routes;
    const struct place *list = route ? place_find(checked->place, "routes") : NULL;
    check_one(checked, checked->place, &service->as_server, NULL, true);
    check_one(checked, place_find(checked->place, "as_server"), &service->as_server, NULL, true);
    check_one(checked, place_find(checked->place, "as_client"), &service->as_client, NULL, false);
    for (const struct place *child = list ? list->child : NULL; child; child = child->next, route++)
        check_one(checked, child, &route->handler, route, route->role != CONFIG_ROUTE_CLIENT);
}
