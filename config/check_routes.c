/* "routes": conditions that can never hold, and what each route needs. */
#include "config/check.h"
#include "config/equal.h"
#include "config/routes.h"

#include <stdlib.h>
#include <string.h>

/* One route, as its checks see it. */
struct checked_route {
    const struct checked_service *of;
    struct messages *messages;
    const struct config_route *route;
    struct place *place;
    bool may_serve, may_connect; /* when it is taken */
};

static void check_role(const struct checked_route *checked)
{
    struct place *role = place_find(checked->place, "role");
    if (role && !role->bad && !checked->may_serve && !checked->may_connect)
        messages_error_at(checked->messages, role, "never happens with \"role\": \"%s\"",
                          checked->of->may_serve ? "server" : "client");
}

static void check_server_name(const struct checked_route *checked)
{
    struct place *names = place_find(checked->place, "server_name");
    if (names && checked->may_connect && !checked->may_serve)
        messages_error_at_key(checked->messages, names,
                              "is what a TLS client asks for, and here we are the client, remove "
                              "it");
}

static bool holds(const struct config_strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strcmp(strings->items[i], text) == 0)
            return true;
    return false;
}

static void check_alpn(const struct checked_route *checked)
{
    struct place *protocols = place_find(checked->place, "alpn");
    const struct place *ours = place_find(checked->of->tls, "alpn");
    if (!protocols || protocols->bad || !checked->of->tls || (ours && ours->bad))
        return;
    for (struct place *child = protocols->child; child; child = child->next) {
        const char *text = cJSON_GetStringValue(child->item);
        if (text && !child->bad && !holds(&checked->of->service->connection.tls.alpn, text))
            messages_error_at(checked->messages, child,
                              "is never agreed on: add it to \"alpn\" under \"tls\"");
    }
}

/* Is there a certificate when the route is chosen, which is right after the handshake? */
static void check_shown(const struct checked_route *checked, struct place *condition)
{
    const struct config_tls tls = check_tls_of(checked->of, checked->route);
    const struct place *client_auth = place_find(checked->of->tls, "client_auth");
    enum config_client_auth asks = config_client_auth(&tls);
    bool shows = asks == CONFIG_CLIENT_AUTH_REQUEST || asks == CONFIG_CLIENT_AUTH_REQUIRE;
    if (!shows && !checked->may_connect && checked->may_serve && checked->of->tls &&
        !(client_auth && client_auth->bad))
        messages_error_at_key(
            checked->messages, condition,
            "needs clients that show a certificate in the handshake: set \"client_auth\" under "
            "\"tls\" to \"request\" or \"require\"");
}

static void check_peer(const struct checked_route *checked)
{
    struct place *names = place_find(checked->place, "peer_name");
    struct place *pins = place_find(checked->place, "peer_pin");
    if (names)
        check_shown(checked, names);
    if (pins)
        check_shown(checked, pins);
    const struct config_tls tls = check_tls_of(checked->of, checked->route);
    if (names && !names->bad && checked->of->tls)
        check_vouched(checked->messages, names, &tls,
                      check_trust_place(checked->of, checked->place));
}

static void check_from(const struct checked_route *checked)
{
    struct place *from = place_find(checked->place, "from");
    if (from && check_lacks_addresses(checked->of->service))
        messages_error_at_key(checked->messages, from,
                              "knows peers by their IP addresses, and a unix: address has none");
}

static bool has_condition(const struct place *place)
{
    static const char *const conditions[] = {"server_name", "alpn",     "role",
                                             "peer_name",   "peer_pin", "from"};
    for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
        if (place_find(place, conditions[i]))
            return true;
    return false;
}

static void check_route(const struct checked_route *checked)
{
    check_object_handler(checked->messages, checked->place);
    if (!has_condition(checked->place)) {
        messages_error_at(checked->messages, checked->place,
                          "has no condition, so it would take every connection: write its handler "
                          "in the service itself");
        return;
    }
    check_from(checked);
    check_alpn(checked);
    if (!checked->of->role_known)
        return;
    check_role(checked);
    check_server_name(checked);
    check_peer(checked);
}

/* ---- One against the others ------------------------------------------------------------------ */

/* Is nothing in it wrong by itself? */
static bool is_sound(const struct place *place)
{
    bool sound = !place->bad;
    for (const struct place *child = place->child; sound && child; child = child->next)
        sound = is_sound(child);
    return sound;
}

static void check_reached(const struct checked_route *checked, const struct place *list)
{
    const struct config_route *other = checked->of->service->routes;
    for (const struct place *before = list->child; before != checked->place;
         before = before->next, other++) {
        if (!is_sound(checked->place) || !is_sound(before) || !routes_covers(other, checked->route))
            continue;
        messages_error_at(
            checked->messages, checked->place,
            "is never reached: the route at %s takes all of its connections",
            messages_position(checked->messages, before->value, checked->place->value).text);
        return;
    }
}

static void check_names(const struct checked_service *checked, const struct place *list)
{
    struct equals names = {.messages = checked->messages};
    const struct config_route *route = checked->service->routes;
    for (const struct place *child = list->child; child; child = child->next, route++)
        if (route->name)
            equals_add(&names, place_find(child, "name"), strdup(route->name));
    equals_report(&names, "another route has this name");
}

void check_routes(const struct checked_service *checked)
{
    const struct place *list = place_find(checked->place, "routes");
    const struct config_route *route = checked->service->routes;
    for (struct place *child = route ? list->child : NULL; child; child = child->next, route++) {
        const struct checked_route one = {
            .of = checked,
            .messages = checked->messages,
            .route = route,
            .place = child,
            .may_serve = checked->may_serve && route->role != CONFIG_ROUTE_CLIENT,
            .may_connect = checked->may_connect && route->role != CONFIG_ROUTE_SERVER};
        if (!cJSON_IsObject(child->item))
            continue;
        check_route(&one);
        check_reached(&one, list);
    }
    if (checked->service->routes)
        check_names(checked, list);
}
