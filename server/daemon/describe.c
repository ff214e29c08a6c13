#include "server/daemon/describe.h"

#include "config/keys.h"

#include <arpa/inet.h>
#include <inttypes.h>

/* ---- Who connects, and in which role -------------------------------------------------------- */

static const char *role_text(const struct config_service *service)
{
    bool dials = service->dial.address_count > 0 || config_shares(service);
    switch (service->connection.role) {
    case CONFIG_ROLE_SERVER:
        return "is TLS server";
    case CONFIG_ROLE_CLIENT:
        return dials ? "is TLS client" : "is TLS client (peers call home)";
    default:
        if (service->connection.initial_data_timeout_ms == CONFIG_NEVER)
            return "is TLS server for a peer that speaks first, and waits for one that is silent";
        return "is TLS server for a peer that speaks first, and TLS client for one that is silent";
    }
}

static void put_addresses(FILE *out, const struct config_dial *dial)
{
    bool all = dial->persistent && dial->keep.collectors == CONFIG_COLLECTORS_ALL;
    const char *between = all ? ", " : ", or else ";
    for (size_t i = 0; i < dial->address_count; i++)
        fprintf(out, "%s%s", i == 0 ? "" : between, dial->addresses[i].text);
}

static void put_kept(FILE *out, const struct config_dial *dial)
{
    const struct config_keep *keep = &dial->keep;
    bool all = dial->persistent && keep->collectors == CONFIG_COLLECTORS_ALL;
    if (dial->periodic)
        fprintf(out, "  every %lld s opens one connection to ", (long long)keep->every_ms / 1000);
    else if (keep->max == 1)
        fprintf(out, "  keeps one connection open to %s", all ? "each of " : "");
    else
        fprintf(out, "  keeps %llu unused connections open, at most %llu in all, to %s",
                (unsigned long long)keep->spare, (unsigned long long)keep->max,
                all ? "each of " : "");
    put_addresses(out, dial);
    fputc('\n', out);
}

static void put_proxy(FILE *out, const struct config_through *through)
{
    if (through->proxy.kind != CONFIG_PROXY_NONE)
        fprintf(out, "  dials through the proxy %s%s\n", through->proxy.text,
                through->credentials_file ? ", with a user and a password" : "");
}

static void put_listen(FILE *out, const char *what, const struct config_listen *listen)
{
    fputs(what, out);
    for (size_t i = 0; i < listen->count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", listen->addresses[i].text);
}

static void put_connections(FILE *out, const struct config_service *service)
{
    const struct config_dial *dial = &service->dial;
    if (config_is_plain_gate(service)) {
        put_listen(out, "  accepts local connections without TLS on ", &dial->listen_plain);
        fputc('\n', out);
        return;
    }
    if (config_shares(service)) {
        fprintf(
            out,
            "  shares the pool \"%s\" with other collectors, which reach this one at %s and are "
            "found in %s\n",
            service->share.pool, service->share.advertise.text, service->share.registry.text);
    } else if (dial->address_count == 0) {
        put_listen(out, "  accepts connections on ", &service->listen);
        fputc('\n', out);
    } else if (config_dial_is_kept(dial)) {
        put_kept(out, dial);
    } else {
        put_listen(out, "  accepts local connections without TLS on ", &dial->listen_plain);
        fputs(", and for each connects to ", out);
        put_addresses(out, dial);
        fputc('\n', out);
    }
    put_proxy(out, &dial->through);
    if (service->starttls != CONFIG_STARTTLS_NONE)
        fprintf(out, "  begins in clear with %s, until a command begins TLS (STARTTLS)\n",
                config_starttls_names[service->starttls]);
    fprintf(out, "  %s\n", role_text(service));
}

/* ---- Certificates and trust ----------------------------------------------------------------- */

static void put_own(FILE *out, const struct config_tls *tls)
{
    if (tls->certificate)
        fprintf(out, "  shows the certificate in %s", tls->certificate);
    else
        fputs("  shows no certificate", out);
    if (tls->certificate_count > 0)
        fprintf(out, ", and %zu more by server name", tls->certificate_count);
    fputc('\n', out);
}

static void put_ocsp(FILE *out, const struct config_ocsp *ocsp)
{
    static const char *const peers[] = {
        [CONFIG_OCSP_SOFT] = "refuses peers whose certificate is revoked (OCSP)",
        [CONFIG_OCSP_HARD] = "refuses peers of whom OCSP does not say that all is well"};
    if (ocsp->staple)
        fprintf(out, "  fetches OCSP responses for its certificates%s%s\n",
                ocsp->responder ? " from " : "", ocsp->responder ? ocsp->responder : "");
    if (ocsp->peers != CONFIG_OCSP_OFF)
        fprintf(out, "  %s\n", peers[ocsp->peers]);
}

/* A name as "peer_names" has it. */
static void put_name(FILE *out, const struct config_peer_name *name)
{
    static const char *const kinds[] = {
        [CONFIG_NAME_DNS] = "",     [CONFIG_NAME_DNS_BELOW] = "*.", [CONFIG_NAME_IP] = "",
        [CONFIG_NAME_URI] = "uri:", [CONFIG_NAME_EMAIL] = "email:", [CONFIG_NAME_COMMON] = "cn:"};
    fprintf(out, "%s%s", kinds[name->kind], name->text);
}

static void put_names(FILE *out, const struct config_peer_names *names)
{
    enum { SHOWN = 4 };
    for (size_t i = 0; i < names->count && i < SHOWN; i++) {
        fputs(i == 0 ? " for " : " or ", out);
        put_name(out, &names->items[i]);
    }
    if (names->count > SHOWN)
        fprintf(out, " or one of %zu more names", names->count - SHOWN);
}

/* HOW introduces what a peer must be. */
static void put_trust(FILE *out, const char *how, const struct config_tls *tls)
{
    size_t pins = tls->peer_pins.count;
    if (tls->insecure_any_peer) {
        fputs("accepts any peer, whoever it is (insecure_any_peer)\n", out);
        return;
    }
    fprintf(out, "%s peers that show a certificate", how);
    if (tls->ca || tls->ca_system)
        fprintf(out, " of a CA in %s", tls->ca_system ? "the system's list" : tls->ca);
    put_names(out, &tls->peer_names);
    if (pins > 0)
        fprintf(out, ", with %s", pins == 1 ? "the pinned key" : "a pinned key");
    fputc('\n', out);
}

static const char *client_auth_text(const struct config_tls *tls)
{
    switch (config_client_auth(tls)) {
    case CONFIG_CLIENT_AUTH_REQUIRE:
        return "accepts only";
    case CONFIG_CLIENT_AUTH_REQUEST:
        return "accepts clients without a certificate, and";
    case CONFIG_CLIENT_AUTH_ON_DEMAND:
        return "accepts clients without a certificate, and where one is demanded only";
    default:
        return NULL;
    }
}

static void put_clients(FILE *out, const char *begin, const struct config_tls *tls)
{
    const char *clients = client_auth_text(tls);
    fputs(begin, out);
    if (clients)
        put_trust(out, clients, tls);
    else
        fputs("accepts any client and asks for no certificate\n", out);
}

static void put_peers(FILE *out, const struct config_connection *connection)
{
    if (connection->role != CONFIG_ROLE_SERVER) {
        fputs("  as TLS client, ", out);
        put_trust(out, "accepts only", &connection->tls);
    }
    if (connection->role != CONFIG_ROLE_CLIENT)
        put_clients(out, "  as TLS server, ", &connection->tls);
}

/* ---- Handlers ------------------------------------------------------------------------------- */

static void put_reach(FILE *out, const struct config_reach *reach)
{
    static const char *const ways[] = {
        [CONFIG_REACH_CONNECT] = "the name in the client's HTTP CONNECT",
        [CONFIG_REACH_SOCKS5] = "the name in the client's SOCKS5 request",
        [CONFIG_REACH_SERVER_NAME] = "the server name of the TLS client",
        [CONFIG_REACH_NAME] = "one name"};
    fprintf(out, "joins to a device of the pool \"%s\" by %s", reach->pool, ways[reach->by]);
    if (reach->by == CONFIG_REACH_NAME)
        fprintf(out, ", %s", reach->name);
    fprintf(out, "; waits up to %" PRId64 " ms for it\n", reach->wait_ms);
    if (reach->allow_count > 0)
        fputs("  lets clients reach only the devices that \"allow\" has for them\n", out);
}

static void put_backends(FILE *out, const struct config_backends *backends)
{
    static const struct {
        const char *begin, *between;
    } texts[] = {
        [CONFIG_BALANCE_FAILOVER] = {"", ", or else to "},
        [CONFIG_BALANCE_ROUND_ROBIN] = {"by turns to ", ", "},
        [CONFIG_BALANCE_LEAST_CONNECTIONS] = {"to the one with the fewest connections of ", ", "}};
    bool several = backends->count > 1 && backends->balance != CONFIG_BALANCE_FAILOVER;
    fprintf(out, "forwards %s", several ? texts[backends->balance].begin : "to ");
    for (size_t i = 0; i < backends->count; i++)
        fprintf(out, "%s%s", i > 0 ? texts[backends->balance].between : "",
                backends->items[i].text);
    fputs(", without TLS\n", out);
}

static void put_proxying(FILE *out, const struct config_proxying *proxy)
{
    fputs("is a proxy inside TLS, which connects to", out);
    for (size_t i = 0; i < proxy->allow.count; i++)
        fprintf(out, "%s %s", i > 0 ? "," : "", proxy->allow.items[i]);
    fputc('\n', out);
}

static void put_what(FILE *out, const struct config_handler *handler)
{
    switch (handler->kind) {
    case CONFIG_HANDLER_FORWARD:
        put_backends(out, &handler->forward);
        break;
    case CONFIG_HANDLER_ECHO:
        fputs("sends back what it receives\n", out);
        break;
    case CONFIG_HANDLER_HTTP:
        fprintf(out, "serves the files of %s over HTTP\n", handler->http.root);
        break;
    case CONFIG_HANDLER_EXEC:
        fprintf(out, "runs %s%s\n", handler->exec.command.items[0],
                handler->exec.pty ? " on a terminal" : "");
        break;
    case CONFIG_HANDLER_PROXY:
        put_proxying(out, &handler->proxy);
        break;
    case CONFIG_HANDLER_REFUSE:
        fputs("refuses the connection\n", out);
        break;
    case CONFIG_HANDLER_OFFER:
        fprintf(out, "offers the connection to the pool \"%s\", by the names in its certificate\n",
                handler->offer.pool);
        break;
    case CONFIG_HANDLER_REACH:
        put_reach(out, &handler->reach);
        break;
    default:
        break;
    }
}

/* ROLE: for which connections it is, with a comma and a space behind it; "": for all. */
static void put_handler(FILE *out, const struct config_service *service, const char *role,
                        const struct config_handler *handler)
{
    if (handler->kind == CONFIG_HANDLER_NONE)
        return;
    fprintf(out, "  %s%s", service->route_count > 0 ? "otherwise, " : "", role);
    put_what(out, handler);
}

static void put_handlers(FILE *out, const struct config_service *service)
{
    bool both = service->as_server.kind != CONFIG_HANDLER_NONE &&
                service->as_client.kind != CONFIG_HANDLER_NONE;
    bool may_have_both = service->connection.role == CONFIG_ROLE_AUTO && both;
    if (service->connection.role != CONFIG_ROLE_CLIENT)
        put_handler(out, service, may_have_both ? "as TLS server, " : "", &service->as_server);
    if (service->connection.role != CONFIG_ROLE_SERVER)
        put_handler(out, service, may_have_both ? "as TLS client, " : "", &service->as_client);
}

/* ---- Routes --------------------------------------------------------------------------------- */

static const char *or_more(size_t number)
{
    return number == 0 ? " " : " or ";
}

static void put_strings(FILE *out, const char *condition, const struct config_strings *strings)
{
    if (strings->count > 0)
        fputs(condition, out);
    for (size_t i = 0; i < strings->count; i++)
        fprintf(out, "%s%s", or_more(i), strings->items[i]);
}

static void put_certificate(FILE *out, const struct config_route *route)
{
    size_t pins = route->peer_pins.count;
    if (route->peer_names.count + pins == 0)
        return;
    fputs(", if the peer shows a certificate", out);
    put_names(out, &route->peer_names);
    if (pins > 0)
        fprintf(out, " with %s", pins == 1 ? "the pinned key" : "a pinned key");
}

static void put_network(FILE *out, const struct config_network *network)
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(network->family, network->address, text, sizeof(text)))
        fprintf(out, "%s/%u", text, network->prefix);
}

static void put_route(FILE *out, const struct config_route *route, size_t number)
{
    static const char *const roles[] = {[CONFIG_ROUTE_SERVER] = ", as TLS server",
                                        [CONFIG_ROUTE_CLIENT] = ", as TLS client",
                                        [CONFIG_ROUTE_ANY_ROLE] = ""};
    if (route->name)
        fprintf(out, "  route %s", route->name);
    else
        fprintf(out, "  route %zu", number);
    fputs(roles[route->role], out);
    put_strings(out, ", if the client asks for", &route->server_names);
    put_strings(out, ", if the protocol is", &route->alpn);
    put_certificate(out, route);
    fputs(route->from_count > 0 ? ", if the peer's address is in" : "", out);
    for (size_t i = 0; i < route->from_count; i++) {
        fputs(or_more(i), out);
        put_network(out, &route->from[i]);
    }
    fputs(": ", out);
    put_what(out, &route->handler);
}

/* For those who ask for its names. */
static void put_route_tls(FILE *out, const struct config_service *service,
                          const struct config_route *route)
{
    const struct config_tls tls = config_tls_with(&service->connection.tls, &route->tls);
    fputs("  ", out);
    put_own(out, &tls);
    put_clients(out, "    of these clients, ", &tls);
}

static void put_routes(FILE *out, const struct config_service *service)
{
    for (size_t i = 0; i < service->route_count; i++) {
        put_route(out, &service->routes[i], i);
        if (service->routes[i].has_tls)
            put_route_tls(out, service, &service->routes[i]);
    }
}

static void put_reload(FILE *out, const struct config_service *service)
{
    if (service->on_reload == CONFIG_ON_RELOAD_RECHECK)
        fputs("  at a reload, ends open connections of peers that are then refused\n", out);
}

static void put_service(FILE *out, const struct config_service *service)
{
    const struct config_tls *tls = &service->connection.tls;
    fprintf(out, "service \"%s\"\n", service->name);
    put_connections(out, service);
    if (config_is_plain_gate(service)) {
        put_handler(out, service, "", &service->as_server);
        fprintf(out, "  for at most %" PRIu64 " connections at once that are not joined yet\n",
                service->max_connections);
        return;
    }
    put_own(out, tls);
    put_ocsp(out, &tls->ocsp);
    put_peers(out, &service->connection);
    put_reload(out, service);
    put_routes(out, service);
    put_handlers(out, service);
    fprintf(out, "  speaks TLS %s, for at most %" PRIu64 " connections at once\n",
            tls->min_version == CONFIG_TLS_1_3 ? "1.3" : "1.2 and 1.3", service->max_connections);
}

void describe_config(FILE *out, const struct config *config)
{
    for (size_t i = 0; i < config->service_count; i++)
        put_service(out, &config->services[i]);
    if (config->admin.listen.kind != CONFIG_ADDRESS_NONE)
        fprintf(out, "metrics and status over HTTP on %s\n", config->admin.listen.text);
}
