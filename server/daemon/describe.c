#include "server/daemon/describe.h"

#include <inttypes.h>

/* ---- Who connects, and in which role -------------------------------------------------------- */

static const char *role_text(const struct config_service *service)
{
    bool dials = service->dial.address_count > 0;
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

static void put_connections(FILE *out, const struct config_service *service)
{
    const struct config_dial *dial = &service->dial;
    if (dial->address_count == 0) {
        fprintf(out, "  accepts connections on %s\n", service->listen.text);
    } else if (config_dial_is_kept(dial)) {
        put_kept(out, dial);
    } else {
        fprintf(out, "  accepts local connections without TLS on %s, and for each connects to ",
                dial->listen_plain.text);
        put_addresses(out, dial);
        fputc('\n', out);
    }
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

static void put_peers(FILE *out, const struct config_connection *connection)
{
    const char *clients = client_auth_text(&connection->tls);
    if (connection->role != CONFIG_ROLE_SERVER) {
        fputs("  as TLS client, ", out);
        put_trust(out, "accepts only", &connection->tls);
    }
    if (connection->role == CONFIG_ROLE_CLIENT)
        return;
    if (clients) {
        fputs("  as TLS server, ", out);
        put_trust(out, clients, &connection->tls);
    } else {
        fputs("  as TLS server, accepts any client and asks for no certificate\n", out);
    }
}

/* ---- Handlers ------------------------------------------------------------------------------- */

static void put_handler(FILE *out, const char *role, const struct config_handler *handler)
{
    switch (handler->kind) {
    case CONFIG_HANDLER_FORWARD:
        fprintf(out, "  %sforwards to %s, without TLS\n", role, handler->forward.text);
        break;
    case CONFIG_HANDLER_ECHO:
        fprintf(out, "  %ssends back what it receives\n", role);
        break;
    case CONFIG_HANDLER_HTTP:
        fprintf(out, "  %sserves the files of %s over HTTP\n", role, handler->http.root);
        break;
    default:
        break;
    }
}

static void put_handlers(FILE *out, const struct config_service *service)
{
    bool both = service->as_server.kind != CONFIG_HANDLER_NONE &&
                service->as_client.kind != CONFIG_HANDLER_NONE;
    bool may_have_both = service->connection.role == CONFIG_ROLE_AUTO && both;
    if (service->connection.role != CONFIG_ROLE_CLIENT)
        put_handler(out, may_have_both ? "as TLS server, " : "", &service->as_server);
    if (service->connection.role != CONFIG_ROLE_SERVER)
        put_handler(out, may_have_both ? "as TLS client, " : "", &service->as_client);
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
    put_own(out, tls);
    put_peers(out, &service->connection);
    put_reload(out, service);
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
