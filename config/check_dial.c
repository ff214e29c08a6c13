/* Who dials the connections, as listen or dial says, and what goes with each. */
#include "config/check.h"
#include "config/equal.h"
#include "config/internal.h"

#include <stdlib.h>

/* Of two keys that exclude each other the one that comes later is wrong. */
static void check_one_of(struct messages *messages, struct place *left, struct place *right)
{
    struct place *second = left->index > right->index ? left : right;
    const struct place *first = second == left ? right : left;
    messages_error_at_key(messages, second, "there is \"%s\" already, remove one of the two",
                          first->item->string);
}

static void check_use(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct place *plain = place_find(checked->place, "listen_plain");
    struct place *persistent = place_find(checked->place, "persistent");
    struct place *periodic = place_find(checked->place, "periodic");
    bool bad = (persistent && persistent->bad) || (periodic && periodic->bad);
    if (plain && persistent && dial->persistent)
        check_one_of(checked->messages, plain, persistent);
    else if (plain && periodic && dial->periodic)
        check_one_of(checked->messages, plain, periodic);
    else if (persistent && periodic && dial->persistent && dial->periodic)
        check_one_of(checked->messages, persistent, periodic);
    else if (!plain && !config_dial_is_kept(dial) && !bad)
        messages_error_at(
            checked->messages, checked->place,
            "\"dial\" needs \"listen_plain\", of which each connection dials one, or "
            "\"persistent\": true and a handler, to keep one up, or \"periodic\" and a "
            "handler");
}

static void check_addresses(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct equals addresses = {.messages = checked->messages};
    struct place *child = checked->dial->child;
    if (!child)
        return;
    for (size_t i = 0; i < dial->address_count; i++, child = child->next)
        if (dial->addresses[i].kind != CONFIG_ADDRESS_NONE)
            equals_add(&addresses, child, address_canonical(&dial->addresses[i]));
    equals_report(&addresses, "is in the list already");
}

static bool is_unix_only(const struct config_service *service)
{
    size_t sockets = 0;
    for (size_t i = 0; i < service->dial.address_count; i++)
        sockets += service->dial.addresses[i].kind == CONFIG_ADDRESS_UNIX;
    return check_is_unix(&service->listen) ||
           (sockets > 0 && sockets == service->dial.address_count);
}

/* Has "dial" only addresses of another family? A name may have any. */
static bool is_other_family_only(const struct config_dial *dial, bool ipv6)
{
    size_t others = 0;
    for (size_t i = 0; i < dial->address_count; i++) {
        const struct config_address *to = &dial->addresses[i];
        others += to->kind == CONFIG_ADDRESS_UNIX ||
                  (to->kind == CONFIG_ADDRESS_TCP &&
                   (ipv6 ? names_is_ipv4(to->host) : !!strchr(to->host, ':')));
    }
    return others > 0 && others == dial->address_count;
}

/* A socket may well connect to itself. */
static void check_own_port(const struct checked_service *checked, struct place *place,
                           const struct config_address *to)
{
    char *from = address_canonical(&checked->service->dial.from);
    char *other = to->kind == CONFIG_ADDRESS_TCP ? address_canonical(to) : NULL;
    if (from && other && strcmp(from, other) == 0)
        messages_error_at(checked->messages, place,
                          "is an address of \"dial\", and would dial itself");
    free(from);
    free(other);
}

static void check_from(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    const struct config_address *from = &service->dial.from;
    struct messages *messages = checked->messages;
    struct place *place = place_find(checked->place, "dial_from");
    if (!place || from->kind == CONFIG_ADDRESS_NONE)
        return;
    bool ipv6 = strchr(from->host, ':');
    if (is_unix_only(service))
        messages_error_at_key(messages, place,
                              "is for TCP, and this service has unix: addresses only");
    else if (is_other_family_only(&service->dial, ipv6))
        messages_error_at(messages, place, "is an IPv%d address, and none in \"dial\" is",
                          ipv6 ? 6 : 4);
    for (size_t i = 0; from->port != 0 && i < service->dial.address_count; i++)
        check_own_port(checked, place, &service->dial.addresses[i]);
    if (from->port != 0 && service->dial.persistent && config_dial_connections(&service->dial) > 1)
        messages_error_at(messages, place,
                          "from a fixed port one connection at a time can be dialed, and "
                          "\"persistent\" wants several: use port 0, or \"persistent\": true");
    if (from->port != 0 && service->dial.listen_plain.count > 0 && service->max_connections > 1)
        messages_error_at(
            messages, place,
            "from a fixed port one connection at a time can be dialed, and \"listen_plain\" "
            "wants one for each local connection: use port 0, or \"max_connections\": 1");
}

/* Where the service listens, local connections without TLS have nothing to be joined to. */
static void check_plain(const struct checked_service *checked)
{
    struct place *plain = place_find(checked->place, "listen_plain");
    if (plain && place_find(checked->place, "reach"))
        check_one_of(checked->messages, checked->listen, plain);
    else if (plain)
        messages_error_at_key(checked->messages, plain, "only goes with \"dial\", remove it");
}

/* What who comes from another TLS program writes for a service that encrypts. A role of client
 * where the peer dials is for call home, which "as_client" says. */
static void check_client(const struct checked_service *checked)
{
    struct place *forward = place_find(checked->place, "forward");
    if (forward && !forward->bad && checked->role_known && !checked->may_serve)
        messages_error_at_key(
            checked->messages, forward,
            "with \"listen\" and \"role\": \"client\" a peer that connects must be a TLS server "
            "(call home). To encrypt local connections, write \"listen_plain\" for \"listen\" and "
            "\"dial\" for \"forward\". If call home is meant, write \"as_client\": {\"forward\": "
            "...}");
}

void check_dial(const struct checked_service *checked)
{
    if (checked->listen && checked->dial)
        check_one_of(checked->messages, checked->listen, checked->dial);
    else if (!checked->listen && !checked->dial)
        messages_error_at(checked->messages, checked->place, "\"listen\" or \"dial\" is missing");
    else if (checked->dial)
        check_use(checked);
    else
        check_client(checked);
    bool direct = checked->service->dial.through.proxy.kind == CONFIG_PROXY_NONE;
    if (checked->listen && !checked->dial)
        check_plain(checked);
    if (checked->dial)
        check_addresses(checked);
    if (checked->dial && direct) /* else see check_through */
        check_from(checked);
}

void check_fast_open(const struct checked_service *checked)
{
    struct place *on = place_find(checked->place, "tcp_fast_open");
    if (checked->service->connection.tcp_fast_open && is_unix_only(checked->service))
        messages_error_at_key(checked->messages, on,
                              "is for TCP, and this service has unix: addresses only");
}
