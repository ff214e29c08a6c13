#include "server/daemon/route.h"

#include "server/lib/parsed.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- A route --------------------------------------------------------------------------------- */

bool route_load(struct route_conditions *route, const struct config_route *config,
                struct error_text *error)
{
    *route = (struct route_conditions){.config = config};
    if (config->peer_names.count == 0 && config->peer_pins.count == 0)
        return true;
    route->peers = parsed_policy(&config->peer_names, &config->peer_pins, error);
    return route->peers;
}

void route_free(struct route_conditions *route)
{
    actpass_policy_free(route->peers);
    route->peers = NULL;
}

/* ---- A connection ---------------------------------------------------------------------------- */

struct route_facts route_facts_of(actpass_conn *conn, const actpass_info_t *info)
{
    struct sockaddr_storage address;
    struct sockaddr *peer = (struct sockaddr *)(void *)&address;
    socklen_t size = sizeof(address);
    struct route_facts facts = {
        .conn = conn, .role = info->role, .server_name = info->server_name, .alpn = info->alpn};
    facts.from_known =
        actpass_peer_sockaddr(conn, peer, &size) == 0 && peer_key_of(peer, &facts.from);
    return facts;
}

/* "*.x" and a name of one label more? */
static bool is_one_below(const char *text, const char *name)
{
    const char *dot = strchr(name, '.');
    return strncmp(text, "*.", 2) == 0 && dot && dot != name && strcasecmp(dot, text + 1) == 0;
}

static bool has_server_name(const struct config_strings *names, const struct route_facts *facts)
{
    bool found = names->count == 0;
    bool asked = facts->role == ACTPASS_ROLE_SERVER && facts->server_name[0] != '\0';
    for (size_t i = 0; !found && asked && i < names->count; i++)
        found = strcasecmp(names->items[i], facts->server_name) == 0 ||
                is_one_below(names->items[i], facts->server_name);
    return found;
}

static bool has_alpn(const struct config_strings *protocols, const struct route_facts *facts)
{
    bool found = protocols->count == 0;
    for (size_t i = 0; !found && i < protocols->count; i++)
        found = strcmp(protocols->items[i], facts->alpn) == 0;
    return found;
}

static bool has_role(enum config_route_role role, const struct route_facts *facts)
{
    return role == CONFIG_ROUTE_ANY_ROLE ||
           (role == CONFIG_ROUTE_CLIENT) == (facts->role == ACTPASS_ROLE_CLIENT);
}

static bool is_from(const struct config_route *route, const struct route_facts *facts)
{
    bool found = route->from_count == 0;
    for (size_t i = 0; !found && facts->from_known && i < route->from_count; i++)
        found = peer_key_is_in(&facts->from, &route->from[i]);
    return found;
}

bool route_owns(const struct route_conditions *route, const struct route_facts *facts)
{
    return route->config->has_tls && has_server_name(&route->config->server_names, facts);
}

/* The certificate last, since that costs most. */
bool route_takes(const struct route_conditions *route, const struct route_facts *facts)
{
    const struct config_route *config = route->config;
    return has_role(config->role, facts) && has_server_name(&config->server_names, facts) &&
           has_alpn(&config->alpn, facts) && is_from(config, facts) &&
           (!route->peers || actpass_peer_matches(facts->conn, route->peers, NULL, 0) == 1);
}
