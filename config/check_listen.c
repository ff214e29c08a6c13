/* Where a service listens, and what goes with such sockets. */
#include "config/check_listen.h"

#include "config/check.h"

#include <string.h>

/* ---- One by one ------------------------------------------------------------------------------ */

static void visit_ports(struct place *place, const struct config_address *address,
                        listen_visitor *visitor, void *arg)
{
    struct config_address one = *address;
    one.last_port = 0;
    for (unsigned i = 0; i < config_address_ports(address); i++) {
        one.port = (uint16_t)(address->port + i);
        if (one.kind == CONFIG_ADDRESS_UNIX || (one.kind == CONFIG_ADDRESS_TCP && one.port != 0))
            visitor(place, &one, arg);
    }
}

static void visit_list(struct place *place, const struct config_listen *listen,
                       listen_visitor *visitor, void *arg)
{
    struct place *child = place ? place->child : NULL;
    for (size_t i = 0; i < listen->count; i++) {
        visit_ports(child ? child : place, &listen->addresses[i], visitor, arg);
        child = child ? child->next : NULL;
    }
}

void check_each_listen(const struct place *services, const struct config *config,
                       listen_visitor *visitor, void *arg)
{
    const struct config_service *service = config->services;
    for (struct place *child = services->child; child; child = child->next, service++) {
        visit_list(place_find(child, "listen"), &service->listen, visitor, arg);
        visit_list(place_find(child, "listen_plain"), &service->dial.listen_plain, visitor, arg);
    }
}

/* ---- Options --------------------------------------------------------------------------------- */

bool check_is_unix(const struct config_listen *listen)
{
    return config_listen_has(listen, CONFIG_ADDRESS_UNIX) &&
           !config_listen_has(listen, CONFIG_ADDRESS_TCP);
}

bool check_lacks_addresses(const struct config_service *service)
{
    return check_is_unix(&service->listen) && !service->has_accept_proxy;
}

void check_socket_file(struct messages *messages, const struct place *place, bool has_file)
{
    static const char *const keys[] = {"mode", "owner", "group"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct place *key = place_find(place, keys[i]);
        if (key && !key->bad && !has_file)
            messages_error_at_key(messages, key,
                                  "is for the file of a unix socket, and there is no unix:/path");
    }
}

static bool has_file(const struct config_listen *listen)
{
    for (size_t i = 0; i < listen->count; i++)
        if (listen->addresses[i].kind == CONFIG_ADDRESS_UNIX &&
            !config_address_is_abstract(&listen->addresses[i]))
            return true;
    return false;
}

static bool has_ipv6(const struct config_listen *listen)
{
    for (size_t i = 0; i < listen->count; i++)
        if (listen->addresses[i].kind == CONFIG_ADDRESS_TCP &&
            (strchr(listen->addresses[i].host, ':') ||
             !config_address_is_ip(&listen->addresses[i])))
            return true;
    return false;
}

/* An option that has nothing to do. */
static void check_option(const struct checked_service *checked, const struct place *options,
                         const char *key, bool useful, const char *why)
{
    struct place *place = place_find(options, key);
    if (place && !place->bad && !useful)
        messages_error_at_key(checked->messages, place, "%s", why);
}

void check_listen(const struct checked_service *checked)
{
    const struct config_listen *listen = config_listens(checked->service);
    struct place *options = place_find(checked->place, "listen_options");
    bool listens = checked->listen || place_find(checked->place, "listen_plain");
    if (!options)
        return;
    if (!listens)
        messages_error_at_key(checked->messages, options,
                              "only goes with \"listen\" or \"listen_plain\", remove it");
    if (listen->count == 0 || options->bad)
        return; /* reported */
    check_socket_file(checked->messages, options, has_file(listen));
    check_option(checked, options, "reuse_port", config_listen_has(listen, CONFIG_ADDRESS_TCP),
                 "is for TCP, and this service listens on unix: addresses only");
    check_option(checked, options, "v6only", has_ipv6(listen),
                 "is for IPv6, and this service listens on no IPv6 address");
}
