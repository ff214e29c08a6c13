/* What goes with a proxy on the way out. */
#include "config/check.h"
#include "config/internal.h"

static void check_targets(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct place *child = checked->dial->child;
    for (size_t i = 0; i < dial->address_count; i++) {
        struct place *place = child ? child : checked->dial;
        const char *wrong = config_proxy_wrong_target(&dial->addresses[i]);
        if (wrong && !place->bad)
            messages_error_at(checked->messages, place, "%s (\"dial_through\")", wrong);
        child = child ? child->next : NULL;
    }
}

static void check_from(const struct checked_service *checked)
{
    const struct config_address *from = &checked->service->dial.from;
    const struct config_address *proxy = &checked->service->dial.through.proxy.address;
    struct place *place = place_find(checked->place, "dial_from");
    if (!place || place->bad || from->kind == CONFIG_ADDRESS_NONE)
        return;
    bool ipv6 = strchr(from->host, ':');
    if (from->port != 0)
        messages_error_at(checked->messages, place,
                          "a fixed port is for TCP's simultaneous open, and with \"dial_through\" "
                          "only the proxy's connection reaches the peer: use port 0");
    else if (config_address_is_ip(proxy) && ipv6 != !!strchr(proxy->host, ':'))
        messages_error_at(checked->messages, place,
                          "is an IPv%d address, and that of \"dial_through\" is not", ipv6 ? 6 : 4);
}

static void check_early(const struct checked_service *checked)
{
    struct place *place = place_find(checked->place, "tcp_fast_open");
    if (place && !place->bad && checked->service->connection.tcp_fast_open)
        messages_warning_at(checked->messages, place,
                            "has no effect with \"dial_through\": the first bytes go to the "
                            "proxy, and not to the peer");
}

void check_through(const struct checked_service *checked)
{
    const struct config_through *through = &checked->service->dial.through;
    struct place *auth = place_find(checked->place, "dial_through_auth");
    if (auth && !auth->bad && through->credentials_file)
        check_secret(checked->messages, auth, through->credentials_file,
                     "user and password for a proxy", "a file with user:password");
    if (!checked->dial || through->proxy.kind == CONFIG_PROXY_NONE)
        return;
    check_targets(checked);
    check_from(checked);
    check_early(checked);
}
