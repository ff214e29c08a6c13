#include "server/daemon/admin/metrics.h"

#include "relay/clock.h"
#include "server/daemon/admin/backends_metrics.h"
#include "server/daemon/admin/pools.h"
#include "server/daemon/admin/process.h"
#include "server/daemon/admin/view.h"
#include "server/daemon/current.h"
#include "server/daemon/generation.h"
#include "server/include/actpass.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- The format ------------------------------------------------------------------------------ */

enum type { COUNTER, GAUGE, HISTOGRAM };

static void begin(struct out *out, const char *name, enum type type, const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    out_format(out, "# HELP %s ", name);
    out_text(out, help);
    out_format(out, "\n# TYPE %s %s\n", name, types[type]);
}

/* The name and its labels up to, but without, the closing brace: `name{service="gate"`. */
static void put_name(struct out *out, const char *name, const char *service)
{
    out_format(out, "%s{service=\"", name);
    out_label(out, service);
    out_text(out, "\"");
}

static void put_label(struct out *out, const char *label, const char *value)
{
    out_format(out, ",%s=\"", label);
    out_label(out, value);
    out_text(out, "\"");
}

static void put_value(struct out *out, uint64_t value)
{
    out_format(out, "} %" PRIu64 "\n", value);
}

static void put_seconds(struct out *out, uint64_t us)
{
    enum { US = 1000000 };
    out_format(out, "%" PRIu64 ".%06u", us / US, (unsigned)(us % US));
}

/* One without labels. */
static void put_alone(struct out *out, const char *name, enum type type, const char *help,
                      uint64_t value)
{
    begin(out, name, type, help);
    out_format(out, "%s %" PRIu64 "\n", name, value);
}

/* ---- Counters of services -------------------------------------------------------------------- */

typedef void putter(struct out *out, const char *name, const struct service_stats *service);

static void put_events(struct out *out, const struct service_stats *first)
{
    static const struct {
        const char *name, *help;
        enum stats_event event;
    } rows[] = {
        {"actpass_connections_accepted_total", "Connections that were accepted.", STATS_ACCEPTED},
        {"actpass_connections_dialed_total", "Connections that were dialed.", STATS_DIALED},
        {"actpass_dials_failed_total", "Dials of which no address has answered.",
         STATS_DIAL_FAILED},
        {"actpass_dial_addresses_failed_total",
         "Addresses that have not answered, also of dials that another address has answered.",
         STATS_ADDRESS_FAILED},
        {"actpass_connections_dropped_total",
         "Connections dropped for a shortage of memory, descriptors or threads.", STATS_DROPPED},
        {"actpass_connections_made_way_total",
         "Connections closed before the end of their handshake to make room for others.",
         STATS_MADE_WAY},
        {"actpass_programs_started_total", "Programs of exec that were started.",
         STATS_PROGRAM_STARTED},
        {"actpass_programs_failed_total", "Programs of exec that could not be started.",
         STATS_PROGRAM_FAILED},
        {"actpass_programs_ended_total", "Programs of exec that have ended.", STATS_PROGRAM_ENDED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(out, rows[i].name, COUNTER, rows[i].help);
        for (const struct service_stats *service = first; service; service = service->next) {
            put_name(out, rows[i].name, service->name);
            put_value(out, atomic_load(&service->events[rows[i].event]));
        }
    }
}

static void put_refused(struct out *out, const char *name, const struct service_stats *service)
{
    for (enum refusal refusal = REFUSED_NOT + 1; refusal < REFUSAL_COUNT; refusal++) {
        put_name(out, name, service->name);
        put_label(out, "limit", refusal_name(refusal));
        put_value(out, atomic_load(&service->events[STATS_REFUSED + refusal]));
    }
}

static const char *const role_names[STATS_ROLES] = {"server", "client", "none"};

static void put_closed_of(struct out *out, const char *name, const struct service_stats *service,
                          size_t role, size_t cause)
{
    for (size_t end = 0; end < STATS_ENDS; end++) {
        uint64_t count = atomic_load(&service->closed[role][cause][end]);
        if (count == 0)
            continue;
        put_name(out, name, service->name);
        put_label(out, "role", role_names[role]);
        put_label(out, "cause", actpass_cause_name((actpass_cause)cause));
        put_label(out, "reason", actpass_end_name((actpass_end)end));
        put_value(out, count);
    }
}

static void put_closed(struct out *out, const char *name, const struct service_stats *service)
{
    for (size_t role = 0; role < STATS_ROLES; role++)
        for (size_t cause = 0; cause < STATS_CAUSES; cause++)
            put_closed_of(out, name, service, role, cause);
}

static void put_resumed(struct out *out, const char *name, const struct service_stats *service)
{
    static const char *const versions[STATS_VERSIONS] = {"TLSv1.2", "TLSv1.3"};
    static const char *const stores[STATS_STORES] = {
        [CONFIG_SESSIONS_OFF] = "off",         [CONFIG_SESSIONS_MEMORY] = "memory",
        [CONFIG_SESSIONS_TICKETS] = "tickets", [CONFIG_SESSIONS_FILE] = "file",
        [CONFIG_SESSIONS_REDIS] = "redis",     [STATS_STORE_CLIENT] = "client"};
    for (size_t version = 0; version < STATS_VERSIONS; version++)
        for (size_t store = CONFIG_SESSIONS_MEMORY; store < STATS_STORES; store++) {
            put_name(out, name, service->name);
            put_label(out, "version", versions[version]);
            put_label(out, "store", stores[store]);
            put_value(out, atomic_load(&service->resumed[version][store]));
        }
}

static void put_received(struct out *out, const char *name, const struct service_stats *service)
{
    put_name(out, name, service->name);
    put_value(out, atomic_load(&service->received));
}

static void put_sent(struct out *out, const char *name, const struct service_stats *service)
{
    put_name(out, name, service->name);
    put_value(out, atomic_load(&service->sent));
}

static void put_part(struct out *out, const char *name, const char *part, const char *service,
                     size_t role)
{
    out_format(out, "%s_%s{service=\"", name, part);
    out_label(out, service);
    out_text(out, "\"");
    put_label(out, "role", role_names[role]);
}

static void put_histogram(struct out *out, const char *name, const struct service_stats *service,
                          size_t role)
{
    const struct stats_handshakes *handshakes = &service->handshakes[role];
    uint64_t count = 0;
    for (size_t i = 0; i < STATS_BUCKETS; i++) {
        count += atomic_load(&handshakes->buckets[i]);
        put_part(out, name, "bucket", service->name, role);
        out_text(out, ",le=\"");
        if (i < STATS_BOUNDS)
            out_format(out, "%g\"", (double)stats_bounds_us[i] / 1e6);
        else
            out_text(out, "+Inf\"");
        put_value(out, count);
    }
    put_part(out, name, "sum", service->name, role);
    out_text(out, "} ");
    put_seconds(out, atomic_load(&handshakes->sum_us));
    out_text(out, "\n");
    put_part(out, name, "count", service->name, role);
    put_value(out, count);
}

static void put_handshakes(struct out *out, const char *name, const struct service_stats *service)
{
    put_histogram(out, name, service, STATS_SERVER);
    put_histogram(out, name, service, STATS_CLIENT);
}

static void put_all(struct out *out, const char *name, enum type type, const char *help,
                    putter *put, const struct service_stats *service)
{
    begin(out, name, type, help);
    for (; service; service = service->next)
        put(out, name, service);
}

static void put_counters(struct out *out, const struct service_stats *first)
{
    put_events(out, first);
    put_all(out, "actpass_connections_refused_total", COUNTER,
            "Connections closed right after accept, by the limit that refused them.", put_refused,
            first);
    put_all(out, "actpass_connections_closed_total", COUNTER,
            "Connections that have closed, by TLS role, its cause and the close reason.",
            put_closed, first);
    put_all(out, "actpass_sessions_resumed_total", COUNTER,
            "Handshakes that resumed a session, by TLS version and by where it was kept.",
            put_resumed, first);
    put_all(out, "actpass_received_bytes_total", COUNTER, "Bytes received from peers.",
            put_received, first);
    put_all(out, "actpass_sent_bytes_total", COUNTER, "Bytes sent to peers.", put_sent, first);
    put_all(out, "actpass_handshake_duration_seconds", HISTOGRAM,
            "Complete handshakes: as server from the peer's first byte, as client from the "
            "decision of the role.",
            put_handshakes, first);
}

/* ---- Gauges of services ---------------------------------------------------------------------- */

static void put_open(struct out *out, const struct generation *generation,
                     const struct view_counts *counts)
{
    static const char name[] = "actpass_connections_open";
    static const char *const states[] = {"waiting", "handshake", "established", "closing"};
    begin(out, name, GAUGE, "Open connections, by how far they are.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        const uint64_t *open = view_counts_of(counts, service->stats);
        for (size_t state = SNAPSHOT_WAITING; state <= SNAPSHOT_CLOSING; state++) {
            put_name(out, name, service->config->name);
            put_label(out, "state", states[state]);
            put_value(out, open[state]);
        }
    }
}

static void put_kept_of(struct out *out, const char *name, const char *state,
                        const struct service_stats *service, uint64_t value)
{
    put_name(out, name, service->name);
    put_label(out, "state", state);
    put_value(out, value);
}

static void put_kept(struct out *out, const struct generation *generation)
{
    static const char name[] = "actpass_kept_connections";
    begin(out, name, GAUGE,
          "Connections that are kept up: being dialed, used by nobody (spare), and used.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        const struct service_stats *stats = service->stats;
        if (!stats || !config_dial_is_kept(&service->config->dial))
            continue;
        put_kept_of(out, name, "dialing", stats, atomic_load(&stats->dialing));
        put_kept_of(out, name, "unused", stats, atomic_load(&stats->unused));
        put_kept_of(out, name, "used", stats, atomic_load(&stats->used));
    }
}

static void put_limits(struct out *out, const struct generation *generation)
{
    static const char name[] = "actpass_connections_limit";
    begin(out, name, GAUGE, "How many connections may be open.");
    for (size_t i = 0; i < generation->count; i++) {
        put_name(out, name, generation->services[i]->config->name);
        put_value(out, generation->services[i]->capacity.connections);
    }
}

static const char expiry_name[] = "actpass_certificate_not_after_timestamp_seconds";

struct expiry {
    struct out *out;
    const char *service;
};

/* The number tells apart those of one name. */
static void put_certificate_labels(const struct expiry *expiry, const char *metric,
                                   const actpass_certificate_t *certificate, unsigned index)
{
    char first[sizeof(certificate->server_names)];
    (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(certificate->server_names, " "),
                   certificate->server_names);
    put_name(expiry->out, metric, expiry->service);
    out_format(expiry->out, ",certificate=\"%u\"", index);
    put_label(expiry->out, "server_name", first);
}

static void put_expiry(const actpass_certificate_t *certificate, unsigned index, void *arg)
{
    const struct expiry *expiry = arg;
    put_certificate_labels(expiry, expiry_name, certificate, index);
    out_format(expiry->out, "} %" PRId64 "\n", certificate->not_after);
}

static void put_expiries(struct out *out, const struct generation *generation)
{
    begin(out, expiry_name, GAUGE,
          "When our certificates expire; server_name is the first name that one is for.");
    for (size_t i = 0; i < generation->count; i++) {
        struct expiry expiry = {out, generation->services[i]->config->name};
        view_certificates(generation->services[i], put_expiry, &expiry);
    }
}

static const char staple_name[] = "actpass_ocsp_staple_until_timestamp_seconds";

static void put_staple(const actpass_certificate_t *certificate, unsigned index, void *arg)
{
    const struct expiry *expiry = arg;
    put_certificate_labels(expiry, staple_name, certificate, index);
    out_format(expiry->out, "} %" PRId64 "\n", certificate->staple_until);
}

static void put_staples(struct out *out, const struct generation *generation)
{
    begin(
        out, staple_name, GAUGE,
        "Until when the OCSP responses are good that are fetched for our certificates; 0: there is "
        "none now.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct config_service *service = generation->services[i]->config;
        struct expiry expiry = {out, service->name};
        if (service->connection.tls.ocsp.staple)
            view_certificates(generation->services[i], put_staple, &expiry);
    }
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static void put_listeners(struct out *out, const struct generation *generation)
{
    static const char name[] = "actpass_listener_accepted_total";
    begin(out, name, COUNTER, "Connections that were accepted on each address.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        for (size_t k = 0; k < service->listeners.count; k++) {
            const struct listener *listener = service->listeners.items[k].listener;
            put_name(out, name, service->config->name);
            put_label(out, "address", listener_address(listener));
            put_value(out, listener_accepted(listener));
        }
    }
}

/* ---- Backends -------------------------------------------------------------------------------- */

struct backends_gauge {
    struct out *out;
    const char *name;
    uint64_t (*value)(struct backends_state state);
};

static uint64_t is_up(struct backends_state state)
{
    return state.up;
}

static uint64_t connections_of(struct backends_state state)
{
    return state.connections;
}

static void put_backend(const char *service, const char *route, const char *backend,
                        struct backends_state state, void *arg)
{
    const struct backends_gauge *gauge = arg;
    put_name(gauge->out, gauge->name, service);
    put_label(gauge->out, "route", route);
    put_label(gauge->out, "backend", backend);
    put_value(gauge->out, gauge->value(state));
}

static void put_backends(struct out *out, const struct generation *generation)
{
    struct backends_gauge up = {out, "actpass_backend_up", is_up};
    struct backends_gauge connections = {out, "actpass_backend_connections", connections_of};
    begin(out, up.name, GAUGE, "Backends of forward: 0 if one is left out since it has failed.");
    for (size_t i = 0; i < generation->count; i++)
        backends_metrics_each(generation->services[i], put_backend, &up);
    begin(out, connections.name, GAUGE, "Connections to the backends of forward.");
    for (size_t i = 0; i < generation->count; i++)
        backends_metrics_each(generation->services[i], put_backend, &connections);
}

/* ---- The process ----------------------------------------------------------------------------- */

static void put_build(struct out *out)
{
    static const char name[] = "actpass_build_info";
    begin(out, name, GAUGE, "The versions of actpass and OpenSSL; always 1.");
    out_format(out, "%s{version=\"%s\",openssl=\"", name, ACTPASS_VERSION);
    out_label(out, OpenSSL_version(OPENSSL_VERSION_STRING));
    out_text(out, "\"} 1\n");
}

static void put_crew(struct out *out, struct server *server)
{
    struct crew_counts crew = crew_count(server->crew);
    put_alone(out, "actpass_threads", GAUGE, "Threads that run connections.", crew.threads);
    put_alone(out, "actpass_threads_blocked", GAUGE,
              "Threads of these that wait for a file, a name or a session store.", crew.blocked);
    put_alone(out, "actpass_tasks", GAUGE, "Connections that have a task, or are being dialed.",
              crew.tasks);
    put_alone(out, "actpass_tasks_parked", GAUGE, "Tasks of these that wait without a thread.",
              crew_count_parked(server->crew));
}

void metrics_write(struct server *server, struct out *out)
{
    struct view_counts counts;
    if (!view_connections(server, 0, NULL, NULL, &counts)) {
        out->failed = true;
        return;
    }
    struct generation *generation = server_generation(server);
    put_build(out);
    put_alone(out, "actpass_ready", GAUGE, "1 while new connections are accepted, else 0.",
              atomic_load(&server->stops) == 0);
    put_open(out, generation, &counts);
    put_limits(out, generation);
    put_kept(out, generation);
    put_counters(out, stats_first(server->stats));
    put_expiries(out, generation);
    put_listeners(out, generation);
    put_staples(out, generation);
    put_backends(out, generation);
    put_crew(out, server);
    pools_write_metrics(server->fleet, out);
    put_alone(out, "actpass_log_lines_lost_total", COUNTER,
              "Log lines that were lost because their reader was slow or gone.",
              log_lost(server->log));
    process_write(out, server->began_wall_ms);
    generation_release(generation);
    view_counts_free(&counts);
}
