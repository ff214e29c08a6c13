#include "server/daemon/sandbox/plan.h"

#include "config/key_set.h"
#include "config/visit.h"
#include "server/daemon/sandbox/places.h"
#include "server/daemon/sandbox/user.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DNS = 53, PORT_HTTP = 80, NO_PORT = 0 };

/* ---- What the configuration names ----------------------------------------------------------- */

struct planning {
    struct plan *plan;
    bool failed; /* out of memory */
};

static void add_named(struct planning *planning, const char *path, unsigned access)
{
    struct plan *plan = planning->plan;
    bool added =
        paths_add(&plan->named, path, access) && places_add_named(&plan->allowed, path, access);
    planning->failed = planning->failed || !added;
}

static void add_port(struct plan *plan, uint16_t port)
{
    if (port != NO_PORT)
        plan->ports[port / 8] |= (uint8_t)(1U << (port % 8));
}

static void add_ports(struct plan *plan, unsigned first, unsigned last)
{
    for (unsigned port = first; port <= last; port++)
        add_port(plan, (uint16_t)port);
}

bool plan_has_port(const struct plan *plan, uint16_t port)
{
    return (plan->ports[port / 8] & (1U << (port % 8))) != 0;
}

bool plan_has_all_ports(const struct plan *plan)
{
    uint8_t lacks = (uint8_t)(~plan->ports[0] & ~1U); /* port 0 is none */
    for (size_t i = 1; i < sizeof(plan->ports); i++)
        lacks |= (uint8_t)~plan->ports[i];
    return lacks == 0;
}

/* Is the key's address one of ours, and not one to connect to? */
static bool is_local(const struct key *key)
{
    static const char *const names[] = {"listen", "listen_plain", "dial_from", "control"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(key->name, names[i]) == 0)
            return true;
    return false;
}

static void visit_address(struct planning *planning, const struct key *key,
                          const struct config_address *address)
{
    struct plan *plan = planning->plan;
    if (address->kind == CONFIG_ADDRESS_TCP) {
        plan->names = plan->names || !config_address_is_ip(address);
        add_port(plan, is_local(key) ? NO_PORT : address->port);
    } else if (address->kind == CONFIG_ADDRESS_UNIX && config_address_is_abstract(address)) {
        plan->abstract = plan->abstract || !is_local(key);
    } else if (address->kind == CONFIG_ADDRESS_UNIX && is_local(key)) {
        add_named(planning, address->path, PATHS_SOCKETS);
    }
}

static void visit_proxy(struct planning *planning, const struct config_proxy *proxy)
{
    struct plan *plan = planning->plan;
    if (proxy->kind == CONFIG_PROXY_NONE)
        return;
    plan->names = plan->names || !config_address_is_ip(&proxy->address);
    add_port(plan, proxy->address.port);
}

/* Responders that certificates name are expected at HTTP's port; for another one there is
 * sandbox_connect. */
static void visit_ocsp(struct plan *plan, const struct config_ocsp *ocsp)
{
    struct config_http_url url = {.address = {.port = PORT_HTTP}};
    bool used = ocsp->staple || ocsp->peers != CONFIG_OCSP_OFF;
    if (!used || ocsp->through.proxy.kind != CONFIG_PROXY_NONE)
        return;
    bool given = ocsp->responder && !config_http_url_parse(ocsp->responder, &url);
    add_port(plan, url.address.port);
    plan->names = plan->names || !given || !config_address_is_ip(&url.address);
    if (given)
        config_http_url_free(&url);
}

/* Through a proxy, the ports of "dial" are the proxy's affair, and so are the names. */
static void visit_addresses(struct planning *planning, const struct key *key, const void *base)
{
    const struct config_service *service = base; /* if it is "dial" */
    const struct config_address *list;
    size_t count;
    memcpy(&list, (const char *)base + key->offset, sizeof(list)); /* a pointer of any type */
    memcpy(&count, (const char *)base + key->second, sizeof(count));
    if (strcmp(key->name, "dial") == 0 && service->dial.through.proxy.kind != CONFIG_PROXY_NONE)
        return;
    for (size_t i = 0; i < count; i++)
        visit_address(planning, key, &list[i]);
}

static void visit_sessions(struct planning *planning, const struct config_sessions *sessions)
{
    const struct config_address address = {.kind = CONFIG_ADDRESS_TCP, .host = sessions->host};
    if (sessions->kind == CONFIG_SESSIONS_FILE)
        add_named(planning, sessions->path, PATHS_READ | PATHS_WRITE);
    if (!sessions->host)
        return;
    planning->plan->names = planning->plan->names || !config_address_is_ip(&address);
    add_port(planning->plan, sessions->port);
}

static void visit_path(struct planning *planning, const struct key *key, const void *base)
{
    const char *path = *(char *const *)((const char *)base + key->offset);
    bool system = key->word && *(const bool *)((const char *)base + key->second);
    if (path && key_is_path(key, path))
        add_named(planning, path, key->written ? PATHS_READ | PATHS_WRITE : PATHS_READ);
    if (system)
        planning->failed = !places_add_trust(&planning->plan->allowed) || planning->failed;
}

/* Names are resolved, also those that a network allows. */
static void visit_targets(struct planning *planning, const struct config_strings *texts)
{
    struct config_target target;
    struct error_text unused;
    planning->plan->names = planning->plan->names || texts->count > 0;
    for (size_t i = 0; i < texts->count; i++) {
        if (!config_target_parse(texts->items[i], &target, &unused))
            continue; /* it was refused before */
        if (target.port_count == 0)
            add_ports(planning->plan, 1, UINT16_MAX);
        for (size_t k = 0; k < target.port_count; k++)
            add_ports(planning->plan, target.ports[k].first, target.ports[k].last);
    }
}

static void visit(const struct key *key, const void *base, void *arg)
{
    struct planning *planning = arg;
    const void *stored = (const char *)base + key->offset;
    if (key->type == KEY_PATH)
        visit_path(planning, key, base);
    else if (key->type == KEY_SESSIONS)
        visit_sessions(planning, stored);
    else if (key->type == KEY_ADDRESS)
        visit_address(planning, key, stored);
    else if (key->type == KEY_PROXY)
        visit_proxy(planning, stored);
    else if (key->type == KEY_ADDRESSES)
        visit_addresses(planning, key, base);
}

/* ---- The plan ------------------------------------------------------------------------------- */

static void add_listed(struct planning *planning, const struct config_strings *paths,
                       unsigned access)
{
    for (size_t i = 0; i < paths->count; i++)
        if (!places_add_exactly(&planning->plan->allowed, paths->items[i], access))
            planning->failed = true;
}

/* The keys of the sandbox itself. */
static void add_more(struct planning *planning, const struct config *config)
{
    add_listed(planning, &config->sandbox_read, PATHS_READ);
    add_listed(planning, &config->sandbox_write, PATHS_READ | PATHS_WRITE | PATHS_SOCKETS);
    for (size_t i = 0; i < config->sandbox_connect.count; i++) {
        uint16_t first, last;
        if (config_ports_parse(config->sandbox_connect.items[i], &first, &last))
            add_ports(planning->plan, first, last);
    }
}

static void add_sources(struct planning *planning, const struct config *config, const char *file)
{
    add_named(planning, file, PATHS_READ);
    for (size_t i = 0; i < config->sources.count; i++)
        add_named(planning, config->sources.items[i], PATHS_READ);
}

static bool is_name(const char *account)
{
    unsigned id;
    return account && !user_parse_id(account, &id);
}

static void visit_socket_file(struct plan *plan, const struct config_socket_file *file)
{
    plan->file_modes = plan->file_modes || file->mode || file->owner || file->group;
    plan->accounts = plan->accounts || is_name(file->owner) || is_name(file->group);
}

static void visit_handlers(struct planning *planning, const struct config_service *service)
{
    const struct config_handler *handler = config_handler_at(service, 0);
    for (size_t i = 0; handler; handler = config_handler_at(service, ++i))
        if (handler->kind == CONFIG_HANDLER_PROXY)
            visit_targets(planning, &handler->proxy.allow);
}

bool plan_make(struct plan *plan, const struct config *config, const char *file)
{
    *plan = (struct plan){0};
    struct planning planning = {.plan = plan};
    add_sources(&planning, config, file);
    add_more(&planning, config);
    config_visit(config, visit, &planning);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        visit_handlers(&planning, service);
        visit_socket_file(plan, &service->listen_options.file);
        visit_ocsp(plan, &service->connection.tls.ocsp);
        plan->fast_open = plan->fast_open ||
                          (service->dial.address_count > 0 && service->connection.tcp_fast_open);
    }
    if (plan->names) /* a long answer of a name server comes over TCP */
        add_port(plan, PORT_DNS);
    return places_add_system(&plan->allowed) &&
           (!plan->names || places_add_resolver(&plan->allowed)) &&
           (!plan->accounts || places_add_accounts(&plan->allowed)) && !planning.failed;
}

void plan_free(struct plan *plan)
{
    paths_free(&plan->allowed);
    paths_free(&plan->named);
}
