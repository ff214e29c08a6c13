/* "accept_proxy" of a service: whose headers are believed. */
#include "config/check.h"

#include <sys/socket.h>

static void check_from(const struct checked_service *checked, struct place *proxy)
{
    struct place *from = place_find(proxy, "from");
    bool is_unix = check_is_unix(&checked->service->listen);
    if (is_unix && from)
        messages_error_at_key(checked->messages, from,
                              "knows proxies by their IP addresses, and a unix: address has none: "
                              "write \"accept_proxy\": true, and let the permissions of the "
                              "socket say who may connect");
    else if (!is_unix && !from && checked->listen && !checked->listen->bad)
        messages_error_at(checked->messages, proxy,
                          "must say whose headers are believed: \"accept_proxy\": {\"from\": "
                          "[\"192.0.2.7/32\"]}");
}

static void check_everybody(const struct checked_service *checked, const struct place *proxy)
{
    const struct config_accept_proxy *values = &checked->service->accept_proxy;
    const struct place *from = place_find(proxy, "from");
    struct place *child = from ? from->child : NULL;
    for (size_t i = 0; child && i < values->from_count; i++, child = child->next)
        if (values->from[i].family != AF_UNSPEC && values->from[i].prefix == 0)
            messages_warning_at(checked->messages, child,
                                "is everybody: who connects may say that it is anybody else");
}

/* Its permissions say who may connect to a unix socket, but an abstract one has none. */
static void check_abstract(const struct checked_service *checked, struct place *proxy)
{
    const struct config_listen *listen = &checked->service->listen;
    for (size_t i = 0; i < listen->count; i++)
        if (config_address_is_abstract(&listen->addresses[i])) {
            messages_warning_at(checked->messages, proxy,
                                "believes everybody on this host: the abstract socket %s has no "
                                "permissions",
                                listen->addresses[i].text);
            return;
        }
}

void check_accept_proxy(const struct checked_service *checked)
{
    struct place *proxy = place_find(checked->place, "accept_proxy");
    if (!proxy || proxy->bad || !checked->service->has_accept_proxy)
        return;
    check_from(checked, proxy);
    check_everybody(checked, proxy);
    check_abstract(checked, proxy);
}
