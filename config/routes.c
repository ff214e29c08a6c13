#include "config/routes.h"

#include "config/internal.h"

#include <strings.h>

const struct config_handler *config_handler_at(const struct config_service *service, size_t number)
{
    enum { ROLES = 2 };
    if (number < ROLES)
        return number == 0 ? &service->as_server : &service->as_client;
    return number - ROLES < service->route_count ? &service->routes[number - ROLES].handler : NULL;
}

bool config_has_handler(const struct config_service *service, enum config_handler_kind kind)
{
    const struct config_handler *handler = config_handler_at(service, 0);
    for (size_t i = 0; handler; handler = config_handler_at(service, ++i))
        if (handler->kind == kind)
            return true;
    return false;
}

bool config_uses_handler(const struct config *config, enum config_handler_kind kind)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (config_has_handler(&config->services[i], kind))
            return true;
    return false;
}

/* Does the item of that number, in the list that ALL is, hold wherever item OTHER of the second
 * list does? */
typedef bool item_covers(const void *all, size_t item, const void *others, size_t other);

/* Of a list one item must hold, and an empty one is no condition. */
static bool list_covers(const void *all, size_t count, const void *others, size_t other_count,
                        item_covers *covers)
{
    bool covered = count == 0 || other_count > 0;
    for (size_t i = 0; covered && count > 0 && i < other_count; i++) {
        size_t at = 0;
        while (at < count && !covers(all, at, others, i))
            at++;
        covered = at < count;
    }
    return covered;
}

/* "*.x" and a name of one label more? */
static bool is_one_below(const char *name, const char *below)
{
    const char *dot = strchr(name, '.');
    return dot && dot != name && strcasecmp(dot + 1, below) == 0;
}

static bool server_name_covers(const void *all, size_t item, const void *others, size_t other)
{
    const char *text = ((char *const *)all)[item];
    const char *name = ((char *const *)others)[other];
    return strcasecmp(text, name) == 0 ||
           (strncmp(text, "*.", 2) == 0 && is_one_below(name, text + 2));
}

static bool protocol_covers(const void *all, size_t item, const void *others, size_t other)
{
    return strcmp(((char *const *)all)[item], ((char *const *)others)[other]) == 0;
}

static bool peer_name_covers(const void *all, size_t item, const void *others, size_t other)
{
    const struct config_peer_name *covering = (const struct config_peer_name *)all + item;
    const struct config_peer_name *name = (const struct config_peer_name *)others + other;
    if (covering->kind == CONFIG_NAME_DNS_BELOW && name->kind == CONFIG_NAME_DNS)
        return is_one_below(name->text, covering->text);
    return covering->kind == name->kind && strcmp(covering->text, name->text) == 0;
}

static bool pin_covers(const void *all, size_t item, const void *others, size_t other)
{
    const struct config_pin *pin = (const struct config_pin *)all + item;
    return memcmp(pin->digest, ((const struct config_pin *)others)[other].digest,
                  sizeof(pin->digest)) == 0;
}

static bool network_covers(const void *all, size_t item, const void *others, size_t other)
{
    return network_contains((const struct config_network *)all + item,
                            (const struct config_network *)others + other);
}

/* Only a TLS server is asked for a name. */
static enum config_route_role role_of(const struct config_route *route)
{
    return route->server_names.count > 0 ? CONFIG_ROUTE_SERVER : route->role;
}

bool routes_covers(const struct config_route *route, const struct config_route *other)
{
    return (route->role == CONFIG_ROUTE_ANY_ROLE || role_of(route) == role_of(other)) &&
           list_covers(route->server_names.items, route->server_names.count,
                       other->server_names.items, other->server_names.count, server_name_covers) &&
           list_covers(route->alpn.items, route->alpn.count, other->alpn.items, other->alpn.count,
                       protocol_covers) &&
           list_covers(route->peer_names.items, route->peer_names.count, other->peer_names.items,
                       other->peer_names.count, peer_name_covers) &&
           list_covers(route->peer_pins.items, route->peer_pins.count, other->peer_pins.items,
                       other->peer_pins.count, pin_covers) &&
           list_covers(route->from, route->from_count, other->from, other->from_count,
                       network_covers);
}

static bool one_shares(const struct config_strings *names, const struct config_strings *others,
                       size_t number)
{
    bool shares = false;
    for (size_t i = 0; !shares && i < names->count; i++)
        shares = server_name_covers(names->items, i, others->items, number) ||
                 server_name_covers(others->items, number, names->items, i);
    return shares;
}

bool routes_share_a_name(const struct config_route *route, const struct config_route *other)
{
    bool shares = false;
    for (size_t i = 0; !shares && i < other->server_names.count; i++)
        shares = one_shares(&route->server_names, &other->server_names, i);
    return shares;
}

bool routes_have_names_of(const struct config_route *route, const struct config_route *other)
{
    return other->server_names.count > 0 &&
           list_covers(route->server_names.items, route->server_names.count,
                       other->server_names.items, other->server_names.count, server_name_covers);
}
