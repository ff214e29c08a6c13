#include "server/daemon/hosts.h"

#include "relay/clock.h"
#include "server/lib/dial/resolve.h"

#include <netdb.h>
#include <stdio.h>

enum { PLACE_MAX = 32, LOOKUP_MS = 3000 };

struct lookup {
    const struct config *config;
    struct config_report *report;
    size_t service;
    int64_t deadline_us; /* of all */
};

static void look_up(const struct lookup *lookup, const char *key,
                    const struct config_address *address)
{
    const struct dial_wait wait = {.cancel_fd = -1};
    struct addrinfo *found = NULL;
    if (address->kind != CONFIG_ADDRESS_TCP || config_address_is_ip(address) ||
        clock_now_us() >= lookup->deadline_us)
        return;
    const char *why = resolve_host(address->host, address->port, AI_ADDRCONFIG, &wait,
                                   lookup->deadline_us, &found);
    if (!why)
        freeaddrinfo(found);
    else if (clock_now_us() < lookup->deadline_us) /* else nothing is known */
        config_report_add_at(lookup->report, CONFIG_WARNING, lookup->config, lookup->service, key,
                             "the host %s is not known here: %s", address->host, why);
}

static void look_up_forward(const struct lookup *lookup, const char *role,
                            const struct config_handler *handler)
{
    char key[PLACE_MAX];
    (void)snprintf(key, sizeof(key), "%s/forward", role);
    bool own = config_has_place(lookup->config, lookup->service, key);
    if (handler->kind == CONFIG_HANDLER_FORWARD && own)
        look_up(lookup, key, &handler->forward);
}

static void look_up_service(const struct lookup *lookup, const struct config_service *service)
{
    char key[PLACE_MAX];
    if (service->as_server.kind == CONFIG_HANDLER_FORWARD &&
        config_has_place(lookup->config, lookup->service, "forward"))
        look_up(lookup, "forward", &service->as_server.forward);
    look_up_forward(lookup, "as_server", &service->as_server);
    look_up_forward(lookup, "as_client", &service->as_client);
    const struct config_proxy *proxy = &service->dial.through.proxy;
    look_up(lookup, "dial_through", &proxy->address);
    if (proxy->kind != CONFIG_PROXY_NONE) /* which resolves the names of "dial" */
        return;
    for (size_t i = 0; i < service->dial.address_count; i++) {
        (void)snprintf(key, sizeof(key), "dial/%zu", i);
        bool list = config_has_place(lookup->config, lookup->service, key);
        look_up(lookup, list ? key : "dial", &service->dial.addresses[i]);
    }
}

void hosts_check(const struct config *config, struct config_report *report)
{
    struct lookup lookup = {
        .config = config, .report = report, .deadline_us = clock_deadline_ms(LOOKUP_MS)};
    for (size_t i = 0; i < config->service_count; i++) {
        lookup.service = i;
        look_up_service(&lookup, &config->services[i]);
    }
}
