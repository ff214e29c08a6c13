/* From where connections are made: "source" beside "forward", and "dial_source". */
#include "config/check.h"
#include "config/internal.h"

/* ---- What a source can reach ----------------------------------------------------------------- */

static bool is_ipv6_text(const char *text)
{
    return strchr(text, ':');
}

/* Is there an address that one of this family can reach? A name may have any. */
static bool reaches(const struct config_address *to, size_t count, bool ipv6)
{
    for (size_t i = 0; i < count; i++)
        if (to[i].kind == CONFIG_ADDRESS_NONE ||
            (to[i].kind == CONFIG_ADDRESS_TCP &&
             (ipv6 ? !names_is_ipv4(to[i].host) : !is_ipv6_text(to[i].host))))
            return true;
    return false;
}

static bool has_tcp(const struct config_address *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (to[i].kind != CONFIG_ADDRESS_UNIX)
            return true;
    return count == 0;
}

/* What one object says. */
struct checked_source {
    struct messages *messages;
    struct place *place;
    const struct config_source *source;
    const struct config_address *to; /* what is dialed */
    size_t count;
    const char *key; /* under which that is written */
};

static void check_from_family(const struct checked_source *checked, struct place *place,
                              const char *from)
{
    bool ipv6 = is_ipv6_text(from);
    if (!place->bad && !reaches(checked->to, checked->count, ipv6))
        messages_error_at(checked->messages, place, "is an IPv%d address, and none in \"%s\" is",
                          ipv6 ? 6 : 4, checked->key);
}

static void check_from(const struct checked_source *checked)
{
    const struct config_strings *from = &checked->source->from;
    struct place *place = place_find(checked->place, "from");
    place = place ? place : checked->place; /* the shorthand */
    struct place *child = place->child && cJSON_IsArray(place->item) ? place->child : NULL;
    if (from->count == 2 && is_ipv6_text(from->items[0]) == is_ipv6_text(from->items[1]))
        messages_error_at(checked->messages, place,
                          "must have at most one address of each family, IPv4 and IPv6");
    else if (from->count == 1) /* a pair fits everything */
        check_from_family(checked, child ? child : place, from->items[0]);
}

static void check_object(const struct checked_source *checked)
{
    struct place *transparent = place_find(checked->place, "transparent");
    if (checked->place->bad)
        return;
    if (!has_tcp(checked->to, checked->count)) {
        messages_error_at_key(checked->messages, checked->place,
                              "is for TCP, and \"%s\" has unix: addresses only", checked->key);
        return;
    }
    check_from(checked);
    if (transparent && checked->source->transparent && checked->source->from.count > 0)
        messages_error_at_key(checked->messages, transparent,
                              "connects from the client's address: remove \"from\"");
}

/* ---- "source" -------------------------------------------------------------------------------- */

static void check_handlers_source(const struct checked_service *checked,
                                  const struct checked_source *what)
{
    check_object(what);
    if (what->source->transparent && !what->place->bad && check_lacks_addresses(checked->service))
        messages_error_at_key(checked->messages, place_find(what->place, "transparent"),
                              "needs the client's IP address, and a client of a unix: address has "
                              "none");
}

void check_source_to(const struct checked_service *checked, struct place *place,
                     const struct config_source *source, const struct config_address *to,
                     const char *key)
{
    const struct checked_source what = {.messages = checked->messages,
                                        .place = place,
                                        .source = source,
                                        .to = to,
                                        .count = 1,
                                        .key = key};
    check_handlers_source(checked, &what);
}

void check_source(const struct checked_service *checked, const struct place *place,
                  const struct config_handler *handler)
{
    struct place *source = place_find(place, "source");
    const struct checked_source what = {.messages = checked->messages,
                                        .place = source,
                                        .source = &handler->forward.source,
                                        .to = handler->forward.items,
                                        .count = handler->forward.count,
                                        .key = "forward"};
    if (source && place_find(place, "forward"))
        check_handlers_source(checked, &what);
}

void check_sources(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    check_source(checked, checked->place, &service->as_server);
    check_source(checked, place_find(checked->place, "as_server"), &service->as_server);
    check_source(checked, place_find(checked->place, "as_client"), &service->as_client);
    const struct place *routes = place_find(checked->place, "routes");
    const struct config_route *route = service->routes;
    for (const struct place *child = route ? routes->child : NULL; child; child = child->next)
        check_source(checked, child, &route++->handler);
}

/* ---- "dial_source" --------------------------------------------------------------------------- */

static void check_transparent_dial(const struct checked_service *checked, struct place *place)
{
    const struct config_service *service = checked->service;
    bool proxy = service->dial.through.proxy.kind != CONFIG_PROXY_NONE;
    const char *why = NULL;
    if (!config_listen_has(&service->dial.listen_plain, CONFIG_ADDRESS_TCP))
        why = "needs \"listen_plain\" on TCP, whose clients have the addresses to connect from";
    else if (proxy)
        why = "does not go with \"dial_through\": the proxy connects from an address of its own";
    else if (service->connection.tcp_fast_open)
        why = "does not go with \"tcp_fast_open\", remove one of the two";
    else if (service->dial.from.kind != CONFIG_ADDRESS_NONE)
        why = "connects from the client's address: remove \"dial_from\"";
    if (why)
        messages_error_at_key(checked->messages, place, "%s", why);
}

void check_dial_source(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    bool proxy = dial->through.proxy.kind != CONFIG_PROXY_NONE;
    struct place *place = place_find(checked->place, "dial_source");
    const struct checked_source what = {.messages = checked->messages,
                                        .place = place,
                                        .source = &dial->source,
                                        .to =
                                            proxy ? &dial->through.proxy.address : dial->addresses,
                                        .count = proxy ? 1 : dial->address_count,
                                        .key = proxy ? "dial_through" : "dial"};
    if (!place || !checked->dial)
        return;
    check_object(&what);
    if (dial->source.transparent && !place->bad)
        check_transparent_dial(checked, place_find(place, "transparent"));
    if (dial->source.from.count > 0 && dial->from.kind != CONFIG_ADDRESS_NONE && !place->bad)
        messages_error_at_key(checked->messages, place,
                              "there is \"dial_from\" already, remove one of the two");
}
