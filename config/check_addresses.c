/* Addresses against each other: two services on one address, services that connect to themselves,
 * and the "admin" listener. */
#include "config/check.h"
#include "config/check_listen.h"
#include "config/equal.h"
#include "config/internal.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { PORTS = UINT16_MAX + 1 };

/* ---- Two that listen ------------------------------------------------------------------------ */

static bool is_ipv6(const struct config_address *address)
{
    return strchr(address->host, ':');
}

/* All addresses of this machine, as 0.0.0.0 and [::]. */
static bool is_any(const struct config_address *address)
{
    static const struct in6_addr none;
    struct in6_addr binary = {0};
    return address->kind == CONFIG_ADDRESS_TCP &&
           inet_pton(is_ipv6(address) ? AF_INET6 : AF_INET, address->host, &binary) == 1 &&
           memcmp(&binary, &none, sizeof(none)) == 0;
}

/* For each port the place that listens there on all addresses of a family. */
struct all_addresses {
    const struct place *ipv4[PORTS], *ipv6[PORTS];
};

typedef void visitor(struct messages *messages, struct all_addresses *all, struct place *place,
                     const struct config_address *address);

static void note_any(struct messages *messages, struct all_addresses *all, struct place *place,
                     const struct config_address *address)
{
    (void)messages;
    if (is_any(address))
        *(is_ipv6(address) ? &all->ipv6[address->port] : &all->ipv4[address->port]) = place;
}

static void check_one(struct messages *messages, struct all_addresses *all, struct place *place,
                      const struct config_address *address)
{
    const struct place *other =
        is_ipv6(address) ? all->ipv6[address->port] : all->ipv4[address->port];
    if (other && config_address_is_ip(address) && !place->bad && !is_any(address))
        messages_error_at(messages, place,
                          "something else listens on this port of all addresses, see %s",
                          messages_position(messages, other->value, place->value).text);
}

struct overlap {
    struct messages *messages;
    struct all_addresses *all;
    visitor *visit;
};

static void visit_tcp(struct place *place, const struct config_address *address, void *arg)
{
    const struct overlap *overlap = arg;
    if (address->kind == CONFIG_ADDRESS_TCP)
        overlap->visit(overlap->messages, overlap->all, place, address);
}

static void visit_all(struct messages *messages, struct all_addresses *all,
                      const struct place *services, const struct config *config, visitor *visit)
{
    struct overlap overlap = {messages, all, visit};
    check_each_listen(services, config, visit_tcp, &overlap);
}

static void check_overlap(struct messages *messages, const struct place *services,
                          const struct config *config)
{
    struct all_addresses *all = calloc(1, sizeof(*all));
    if (!all) {
        messages->out_of_memory = true;
        return;
    }
    visit_all(messages, all, services, config, note_any);
    visit_all(messages, all, services, config, check_one);
    free(all);
}

static void add_address(struct place *place, const struct config_address *address, void *arg)
{
    equals_add(arg, place, address_canonical(address));
}

void check_unique(struct messages *messages, const struct place *services,
                  const struct config *config)
{
    struct equals names = {.messages = messages};
    struct equals addresses = {.messages = messages};
    const struct config_service *service = config->services;
    for (struct place *child = services->child; child; child = child->next, service++)
        if (service->name)
            equals_add(&names, place_find(child, "name"), strdup(service->name));
    check_each_listen(services, config, add_address, &addresses);
    equals_report(&names, "another service has this name");
    equals_report(&addresses, "something else listens on this address");
    check_overlap(messages, services, config);
}

/* ---- One that connects to itself ------------------------------------------------------------ */

/* Only what is written as an address: what a name stands for is known when it is dialed. */
static bool is_loopback(const struct config_address *address)
{
    struct in6_addr ipv6;
    if (is_ipv6(address))
        return inet_pton(AF_INET6, address->host, &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
    return names_is_ipv4(address->host) && strncmp(address->host, "127.", 4) == 0;
}

/* Does a connection to the one arrive at the other? An IPv6 socket takes no IPv4 connections. */
static bool arrives(const struct config_address *to, const struct config_address *at)
{
    if (to->kind != at->kind || to->kind == CONFIG_ADDRESS_NONE || to->port != at->port)
        return false;
    char *there = address_canonical(to);
    char *here = address_canonical(at);
    bool same = there && here && strcmp(there, here) == 0;
    bool reached = to->kind == CONFIG_ADDRESS_TCP && is_any(at) && is_loopback(to) &&
                   is_ipv6(to) == is_ipv6(at);
    free(here);
    free(there);
    return same || reached;
}

/* The same for where a service listens, with each port of a range. */
static bool arrives_at(const struct config_address *to, const struct config_listen *listen)
{
    for (size_t i = 0; i < listen->count; i++) {
        struct config_address at = listen->addresses[i];
        bool in_range = at.last_port > 0 && to->port > at.port && to->port <= at.last_port;
        at.port = in_range ? to->port : at.port;
        if (arrives(to, &at))
            return true;
    }
    return false;
}

static void check_forward(const struct checked_service *checked, const struct place *outer,
                          const struct config_handler *handler)
{
    struct place *place = place_find(outer, "forward");
    struct place *child = place ? place->child : NULL;
    struct equals addresses = {.messages = checked->messages};
    for (size_t i = 0; place && i < handler->forward.count; i++) {
        const struct config_address *address = &handler->forward.items[i];
        struct place *at = child ? child : place;
        if (!at->bad && arrives_at(address, &checked->service->listen))
            messages_error_at(checked->messages, at,
                              "is where this service listens, so it would connect to itself: name "
                              "the address of the plain service behind it");
        if (child && !at->bad)
            equals_add(&addresses, child, address_canonical(address));
        child = child ? child->next : NULL;
    }
    equals_report(&addresses, "is in the list already");
}

static void check_dialed(const struct checked_service *checked)
{
    const struct config_dial *dial = &checked->service->dial;
    struct place *child = checked->dial->child;
    for (size_t i = 0; i < dial->address_count; i++) {
        struct place *place = child ? child : checked->dial;
        if (!place->bad && arrives_at(&dial->addresses[i], &dial->listen_plain))
            messages_error_at(checked->messages, place,
                              "is the address of \"listen_plain\", so the service would connect "
                              "to itself");
        child = child ? child->next : NULL;
    }
}

void check_itself(const struct checked_service *checked)
{
    const struct config_service *service = checked->service;
    check_forward(checked, checked->place, &service->as_server);
    check_forward(checked, place_find(checked->place, "as_server"), &service->as_server);
    check_forward(checked, place_find(checked->place, "as_client"), &service->as_client);
    const struct place *routes = place_find(checked->place, "routes");
    const struct config_route *route = service->routes;
    for (const struct place *child = route ? routes->child : NULL; child; child = child->next)
        check_forward(checked, child, &route++->handler);
    /* A proxy's loopback is another one. */
    if (checked->dial && checked->service->dial.through.proxy.kind == CONFIG_PROXY_NONE)
        check_dialed(checked);
}

/* What is said of an address whose file's mode decides who may connect. */
#define NO_RIGHTS \
    "an abstract unix socket has no file whose mode says who may connect: write a path"

/* ---- The "admin" listener ------------------------------------------------------------------- */

static bool is_local(const struct config_address *address)
{
    return address->kind == CONFIG_ADDRESS_UNIX || strcmp(address->host, "localhost") == 0 ||
           (config_address_is_ip(address) && is_loopback(address));
}

static const struct place *place_on(const struct config_address *admin, const struct place *place,
                                    const struct config_service *service)
{
    if (admin->kind == CONFIG_ADDRESS_TCP && admin->port == 0)
        return NULL;
    if (arrives_at(admin, &service->listen))
        return place_find(place, "listen");
    return arrives_at(admin, &service->dial.listen_plain) ? place_find(place, "listen_plain")
                                                          : NULL;
}

void check_admin(struct messages *messages, const struct place *root, const struct config *config)
{
    const struct place *services = place_find(root, "services");
    struct place *place = place_find(place_find(root, "admin"), "listen");
    const struct config_service *service = config->services;
    if (!place || place->bad || config->admin.listen.kind == CONFIG_ADDRESS_NONE)
        return;
    if (!is_local(&config->admin.listen)) {
        messages_error_at(messages, place,
                          "must be a unix socket or a loopback address, since whoever can connect "
                          "may read what it shows; for access from elsewhere write "
                          "\"unix:/run/actpass/admin.sock\" here, and add a service with "
                          "\"client_auth\": \"require\" and \"forward\": "
                          "\"unix:/run/actpass/admin.sock\"");
        return;
    }
    check_socket_file(messages, place_find(root, "admin"),
                      config->admin.listen.kind == CONFIG_ADDRESS_UNIX);
    if (config_address_is_abstract(&config->admin.listen))
        messages_error_at(messages, place, NO_RIGHTS);
    for (struct place *child = service ? services->child : NULL; child;
         child = child->next, service++) {
        const struct place *other = place_on(&config->admin.listen, child, service);
        if (other && !place->bad)
            messages_error_at(messages, place, "a service listens on this address, see %s",
                              messages_position(messages, other->value, place->value).text);
    }
}

/* ---- The "control" socket ------------------------------------------------------------------- */

void check_control(struct messages *messages, const struct place *root, const struct config *config)
{
    struct place *place = place_find(root, "control");
    if (place && !place->bad && config->control.kind == CONFIG_ADDRESS_TCP)
        messages_error_at(messages, place,
                          "must be a unix socket such as \"unix:/run/actpass/control.sock\", since "
                          "only there the program sees who connects");
    else if (place && !place->bad && config_address_is_abstract(&config->control))
        messages_error_at(messages, place, NO_RIGHTS);
}
