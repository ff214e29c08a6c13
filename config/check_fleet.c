/* Connections that are offered to a pool, and gates that take them from there. */
#include "config/check.h"
#include "config/keys.h"

#include <string.h>

/* One handler of a service, and where it is written. */
struct written {
    struct place *place; /* "offer" or "reach"; NULL: it is not there, or is wrong */
    const struct config_handler *handler;
};

enum { WRITTEN_MAX = 2 };

static struct written written_in(const struct place *outer, const char *key,
                                 const struct config_handler *handler)
{
    struct place *place = place_find(outer, key);
    return (struct written){.place = place && !place->bad ? place : NULL, .handler = handler};
}

/* Those of both roles; or one, if it is written for both. */
static void find_written(const struct place *service, const struct config_service *values,
                         const char *key, struct written found[WRITTEN_MAX])
{
    found[0] = written_in(service, key, &values->as_server);
    found[1] = (struct written){.place = NULL};
    if (found[0].place)
        return;
    found[0] = written_in(place_find(service, "as_server"), key, &values->as_server);
    found[1] = written_in(place_find(service, "as_client"), key, &values->as_client);
}

/* ---- Offers ---------------------------------------------------------------------------------- */

/* Only a CA says that a name is a device's. */
static const char *wrong_offer(const struct checked_service *checked)
{
    const struct config_tls *tls = &checked->service->connection.tls;
    if (tls->insecure_any_peer)
        return "needs to know the devices, and \"insecure_any_peer\": true accepts any: write "
               "\"ca\" and \"peer_names\" for it";
    if (!place_find(checked->tls, "ca"))
        return "needs \"ca\": without it nobody vouches for the names in a device's certificate";
    if (checked->may_serve && checked->role_known &&
        config_client_auth(tls) != CONFIG_CLIENT_AUTH_REQUIRE)
        return "needs \"client_auth\": \"require\": a device that comes as TLS client must show "
               "its certificate, too";
    return NULL;
}

void check_offer(const struct checked_service *checked)
{
    struct written found[WRITTEN_MAX];
    find_written(checked->place, checked->service, "offer", found);
    const char *wrong = checked->tls ? wrong_offer(checked) : NULL;
    for (size_t i = 0; i < WRITTEN_MAX; i++)
        if (found[i].place && wrong)
            messages_error_at_key(checked->messages, found[i].place, "%s", wrong);
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

static bool knows_clients(const struct checked_service *checked)
{
    const struct config_tls *tls = &checked->service->connection.tls;
    enum config_client_auth auth = config_client_auth(tls);
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
    if (allow && !allow->bad && !knows_clients(checked))
        messages_error_at_key(checked->messages, allow,
                              "needs \"client_auth\": \"require\": clients are known by their "
                              "certificates");
    else if (!allow && !knows_clients(checked))
        messages_warning_at(checked->messages, written->place,
                            "lets anybody reach the devices who can connect here: set "
                            "\"client_auth\" to \"require\"");
}

void check_reach(const struct checked_service *checked)
{
    struct written found[WRITTEN_MAX];
    if (place_find(checked->place, "listen_plain"))
        return;
    find_written(checked->place, checked->service, "reach", found);
    for (size_t i = 0; i < WRITTEN_MAX; i++) {
        if (!found[i].place)
            continue;
        check_way(checked->messages, found[i].place, &found[i].handler->reach);
        check_allow(checked->messages, found[i].place, &found[i].handler->reach);
        check_clients(checked, &found[i]);
    }
}

/* ---- Gates without TLS ----------------------------------------------------------------------- */

static bool fits_plain_gate(const struct key *key)
{
    static const char *const fit[] = {"name", "listen_plain", "reach", "max_connections"};
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
    if (!plain->bad && !is_local(&checked->service->dial.listen_plain))
        messages_warning_at(messages, plain,
                            "lets anybody reach the devices who can connect here: use a loopback "
                            "address or a unix socket, or \"listen\" and \"tls\"");
}

/* ---- Pools ----------------------------------------------------------------------------------- */

static bool is_offered(const struct config *config, const char *pool)
{
    for (size_t i = 0; i < config->service_count; i++)
        if (config_offers_to(&config->services[i], pool))
            return true;
    return false;
}

void check_pools(struct messages *messages, const struct place *services,
                 const struct config *config)
{
    const struct config_service *service = config->services;
    for (struct place *child = services->child; child; child = child->next, service++) {
        struct written found[WRITTEN_MAX];
        find_written(child, service, "reach", found);
        for (size_t i = 0; i < WRITTEN_MAX; i++) {
            const char *pool = found[i].place ? found[i].handler->reach.pool : NULL;
            struct place *place = pool ? place_find(found[i].place, "pool") : NULL;
            if (place && !place->bad && !is_offered(config, pool))
                messages_error_at(messages, place,
                                  "no service offers connections to this pool: add \"offer\": "
                                  "\"%s\" to the one that devices connect to",
                                  pool);
        }
    }
}
