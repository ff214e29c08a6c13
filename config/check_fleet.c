/* Connections that are offered to a pool, and gates that take them from there. */
#include "config/check.h"
#include "config/keys.h"

#include <string.h>

/* One handler of a service, and where it is written: "offer" or "reach". */
struct written {
    struct place *place;
    const struct config_handler *handler;
    const struct config_route *route; /* that has it; NULL: it is no route's */
    const struct place *outer;
};

typedef void see_written(const struct written *written, void *arg);

static bool see_in(const struct place *outer, const char *key, const struct config_handler *handler,
                   see_written *see, void *arg)
{
    struct place *place = place_find(outer, key);
    if (place && !place->bad)
        see(&(struct written){.place = place, .handler = handler, .outer = outer}, arg);
    return place;
}

static void see_in_route(const struct place *outer, const char *key,
                         const struct config_route *route, see_written *see, void *arg)
{
    struct place *place = place_find(outer, key);
    if (place && !place->bad)
        see(&(struct written){place, &route->handler, route, outer}, arg);
}

/* The "tls" by which the peers are judged that the handler gets, and where its trust is written. */
static struct config_tls tls_of(const struct checked_service *checked,
                                const struct written *written)
{
    return written->route ? check_tls_of(checked, written->route)
                          : checked->service->connection.tls;
}

static const struct place *trust_of(const struct checked_service *checked,
                                    const struct written *written)
{
    return written->route ? check_trust_place(checked, written->outer) : checked->tls;
}

/* Calls SEE for each handler of that key: one for both roles, those of a role, those of routes. */
static void each_written(const struct place *place, const struct config_service *service,
                         const char *key, see_written *see, void *arg)
{
    const struct place *routes = place_find(place, "routes");
    const struct place *route = routes ? routes->child : NULL;
    if (!see_in(place, key, &service->as_server, see, arg)) {
        (void)see_in(place_find(place, "as_server"), key, &service->as_server, see, arg);
        (void)see_in(place_find(place, "as_client"), key, &service->as_client, see, arg);
    }
    for (size_t i = 0; route && i < service->route_count; i++, route = route->next)
        see_in_route(route, key, &service->routes[i], see, arg);
}

/* ---- Offers ---------------------------------------------------------------------------------- */

/* Only a CA says that a name is a device's. */
static const char *wrong_offer(const struct checked_service *checked, const struct written *written)
{
    const struct config_tls tls = tls_of(checked, written);
    if (tls.insecure_any_peer)
        return "needs to know the devices, and \"insecure_any_peer\": true accepts any: write "
               "\"ca\" and \"peer_names\" for it";
    if (!place_find(trust_of(checked, written), "ca"))
        return "needs \"ca\": without it nobody vouches for the names in a device's certificate";
    if (checked->may_serve && checked->role_known &&
        config_client_auth(&tls) != CONFIG_CLIENT_AUTH_REQUIRE)
        return "needs \"client_auth\": \"require\": a device that comes as TLS client must show "
               "its certificate, too";
    return NULL;
}

static void see_offer(const struct written *written, void *arg)
{
    const struct checked_service *checked = arg;
    const char *wrong = checked->tls ? wrong_offer(checked, written) : NULL;
    if (wrong)
        messages_error_at_key(checked->messages, written->place, "%s", wrong);
}

void check_offer(const struct checked_service *checked)
{
    struct checked_service copy = *checked;
    each_written(checked->place, checked->service, "offer", see_offer, &copy);
}

/* ---- Gates ----------------------------------------------------------------------------------- */

static void check_way(struct messages *messages, struct place *place,
                      const struct config_reach *reach)
{
    struct place *name = place_find(place, "name");
    struct place *by = place_find(place, "by");
    if (!by || by->bad)
        return;
    if (reach->by == CONFIG_REACH_NAME && !name)
        messages_error_at(messages, place, "\"by\": \"name\" needs \"name\" beside it");
    else if (reach->by != CONFIG_REACH_NAME && name)
        messages_error_at_key(messages, name, "only goes with \"by\": \"name\", remove it");
}

static void check_allowed(struct messages *messages, struct place *place,
                          const struct config_allow *allow)
{
    const struct place *names = place_find(place, "names");
    if (!place_find(place, "peer_names") && !place_find(place, "peer_pins"))
        messages_error_at(
            messages, place,
            "says who may reach these devices by \"peer_names\" or \"peer_pins\": add "
            "one of them");
    struct place *child = names && !names->bad ? names->child : NULL;
    for (size_t i = 0; child && i < allow->names.count; i++, child = child->next) {
        enum config_name_kind kind = allow->names.items[i].kind;
        if (!child->bad && kind != CONFIG_NAME_DNS && kind != CONFIG_NAME_DNS_BELOW &&
            kind != CONFIG_NAME_COMMON)
            messages_error_at(messages, child,
                              "must be a name by which devices are reached: a DNS name, or "
                              "\"cn:\" and a common name");
    }
}

static void check_allow(struct messages *messages, const struct place *place,
                        const struct config_reach *reach)
{
    const struct place *list = place_find(place, "allow");
    struct place *child = list && !list->bad ? list->child : NULL;
    for (size_t i = 0; child && i < reach->allow_count; i++, child = child->next)
        if (!child->bad && cJSON_IsObject(child->item))
            check_allowed(messages, child, &reach->allow[i]);
}

static bool knows_clients(const struct checked_service *checked, const struct written *written)
{
    const struct config_tls tls = tls_of(checked, written);
    enum config_client_auth auth = config_client_auth(&tls);
    return !checked->may_serve ||
           (auth != CONFIG_CLIENT_AUTH_NONE && auth != CONFIG_CLIENT_AUTH_ON_DEMAND);
}

/* Of a gate with TLS: that it knows whom it lets in, and what for. */
static void check_clients(const struct checked_service *checked, const struct written *written)
{
    struct place *allow = place_find(written->place, "allow");
    struct place *by = place_find(written->place, "by");
    const struct config_reach *reach = &written->handler->reach;
    if (!checked->role_known || !checked->tls)
        return;
    if (by && !by->bad && reach->by == CONFIG_REACH_SERVER_NAME && checked->may_connect)
        messages_error_at(checked->messages, by,
                          "needs \"role\": \"server\": only a TLS client sends a server name");
    if (allow && !allow->bad && !knows_clients(checked, written))
        messages_error_at_key(checked->messages, allow,
                              "needs \"client_auth\": \"require\": clients are known by their "
                              "certificates");
    else if (!allow && !knows_clients(checked, written))
        messages_warning_at(checked->messages, written->place,
                            "lets anybody reach the devices who can connect here: set "
                            "\"client_auth\" to \"require\"");
}

static void see_reach(const struct written *written, void *arg)
{
    const struct checked_service *checked = arg;
    check_way(checked->messages, written->place, &written->handler->reach);
    check_allow(checked->messages, written->place, &written->handler->reach);
    check_clients(checked, written);
}

void check_reach(const struct checked_service *checked)
{
    struct checked_service copy = *checked;
    if (!place_find(checked->place, "listen_plain"))
        each_written(checked->place, checked->service, "reach", see_reach, &copy);
}

/* ---- Gates without TLS ----------------------------------------------------------------------- */

static bool fits_plain_gate(const struct key *key)
{
    static const char *const fit[] = {"name", "listen_plain", "listen_options", "reach",
                                      "max_connections"};
    for (size_t i = 0; i < sizeof(fit) / sizeof(*fit); i++)
        if (strcmp(key->name, fit[i]) == 0)
            return true;
    return false;
}

static bool is_local(const struct config_address *address)
{
    return address->kind == CONFIG_ADDRESS_UNIX || strcmp(address->host, "localhost") == 0 ||
           strcmp(address->host, "::1") == 0 || strncmp(address->host, "127.", 4) == 0;
}

static void check_plain_reach(struct messages *messages, struct place *place,
                              const struct config_reach *reach)
{
    struct place *allow = place_find(place, "allow");
    struct place *by = place_find(place, "by");
    check_way(messages, place, reach);
    if (allow)
        messages_error_at_key(messages, allow,
                              "knows clients by their certificates, and on \"listen_plain\" they "
                              "have none: write \"listen\" and \"tls\", or remove it");
    if (by && !by->bad && reach->by == CONFIG_REACH_SERVER_NAME)
        messages_error_at(messages, by,
                          "is what a TLS client sends: write \"listen\" and \"tls\" for "
                          "\"listen_plain\"");
}

static void check_plain_local(struct messages *messages, struct place *plain,
                              const struct config_listen *listen)
{
    struct place *child = plain->child;
    for (size_t i = 0; i < listen->count; i++) {
        struct place *place = child ? child : plain;
        if (!place->bad && !is_local(&listen->addresses[i]))
            messages_warning_at(messages, place,
                                "lets anybody reach the devices who can connect here: use a "
                                "loopback address or a unix socket, or \"listen\" and \"tls\"");
        child = child ? child->next : NULL;
    }
}

void check_plain_gate(const struct checked_service *checked)
{
    struct messages *messages = checked->messages;
    struct place *plain = place_find(checked->place, "listen_plain");
    struct place *reach = place_find(checked->place, "reach");
    for (const struct key *key = service_object.keys; key->name; key++) {
        struct place *place = place_find(checked->place, key->name);
        if (place && !fits_plain_gate(key))
            messages_error_at_key(messages, place,
                                  "does not go with \"listen_plain\" and \"reach\", whose clients "
                                  "come without TLS: remove it");
    }
    if (!reach->bad)
        check_plain_reach(messages, reach, &checked->service->as_server.reach);
    check_listen(checked);
    check_plain_local(messages, plain, &checked->service->dial.listen_plain);
}

/* ---- Pools ----------------------------------------------------------------------------------- */

static bool is_offered(const struct config *config, const char *pool)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (config_offers_to(&config->services[i], pool) ||
            config_shares_pool(&config->services[i], pool))
            return true;
    return false;
}

struct pools {
    struct messages *messages;
    const struct config *config;
};

static void see_pool(const struct written *written, void *arg)
{
    const struct pools *pools = arg;
    const char *pool = written->handler->reach.pool;
    struct place *place = place_find(written->place, "pool");
    if (place && pool && !place->bad && !is_offered(pools->config, pool))
        messages_error_at(pools->messages, place,
                          "no service offers connections to this pool: add \"offer\": \"%s\" to "
                          "the one that devices connect to",
                          pool);
}

void check_pools(struct messages *messages, const struct place *services,
                 const struct config *config)
{
    struct pools pools = {messages, config};
    const struct config_service *service = config->services;
    for (struct place *child = services->child; child; child = child->next, service++)
        each_written(child, service, "reach", see_pool, &pools);
}
