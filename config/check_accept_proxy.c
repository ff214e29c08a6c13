/* "accept_proxy" of a service: whose headers are believed. */
#include "config/check.h"

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

void check_accept_proxy(const struct checked_service *checked)
{
    struct place *proxy = place_find(checked->place, "accept_proxy");
    if (!proxy || proxy->bad || !checked->service->has_accept_proxy)
        return;
    if (checked->listen && checked->dial) /* listen_plain, for what is dialed */
        return;
    check_from(checked, proxy);
}
