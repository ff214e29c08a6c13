#include "server/daemon/hosts.h"

#include "relay/clock.h"
#include "server/lib/dial/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 64, LOOKUP_MS = 3000 };

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

/* OUTER: the place of the object with the handler, with a slash behind it; "": the service. */
static void look_up_forward(const struct lookup *lookup, const char *outer,
                            const struct config_handler *handler)
{
    char key[PLACE_MAX];
    (void)snprintf(key, sizeof(key), "%sforward", outer);
    if (!config_has_place(lookup->config, lookup->service, key))
        return;
    size_t length = strlen(key);
    for (size_t i = 0; i < handler->forward.count; i++) {
        (void)snprintf(key + length, sizeof(key) - length, "/%zu", i);
        if (!config_has_place(lookup->config, lookup->service, key)) /* a string alone */
            key[length] = '\0';
        look_up(lookup, key, &handler->forward.items[i]);
    }
}

static void look_up_service(const struct lookup *lookup, const struct config_service *service)
{
    char key[PLACE_MAX];
    look_up_forward(lookup, "", &service->as_server);
    look_up_forward(lookup, "as_server/", &service->as_server);
    look_up_forward(lookup, "as_client/", &service->as_client);
    for (size_t i = 0; i < service->route_count; i++) {
        (void)snprintf(key, sizeof(key), "routes/%zu/", i);
        look_up_forward(lookup, key, &service->routes[i].handler);
    }
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
