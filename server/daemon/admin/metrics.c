#include "server/daemon/admin/metrics.h"

#include "server/daemon/admin/backends_metrics.h"
#include "server/daemon/admin/metrics_counters.h"
#include "server/daemon/admin/pools.h"
#include "server/daemon/admin/process.h"
#include "server/daemon/admin/prometheus.h"
#include "server/daemon/admin/view.h"
#include "server/daemon/current.h"
#include "server/daemon/generation.h"
#include "server/include/actpass.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* ---- Gauges of services ---------------------------------------------------------------------- */

static void put_open(struct out *out, const struct generation *generation,
                     const struct view_counts *counts)
{
    static const char name[] = "actpass_connections_open";
    static const char *const states[] = {"waiting", "handshake", "established", "closing"};
    prometheus_begin(out, name, PROMETHEUS_GAUGE, "Open connections, by how far they are.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        const uint64_t *open = view_counts_of(counts, service->stats);
        for (size_t state = SNAPSHOT_WAITING; state <= SNAPSHOT_CLOSING; state++) {
            prometheus_name(out, name, service->config->name);
            prometheus_label(out, "state", states[state]);
            prometheus_value(out, open[state]);
        }
    }
}

static void put_kept_of(struct out *out, const char *name, const char *state,
                        const struct service_stats *service, uint64_t value)
{
    prometheus_name(out, name, service->name);
    prometheus_label(out, "state", state);
    prometheus_value(out, value);
}

static void put_kept(struct out *out, const struct generation *generation)
{
    static const char name[] = "actpass_kept_connections";
    prometheus_begin(
        out, name, PROMETHEUS_GAUGE,
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
    prometheus_begin(out, name, PROMETHEUS_GAUGE, "How many connections may be open.");
    for (size_t i = 0; i < generation->count; i++) {
        prometheus_name(out, name, generation->services[i]->config->name);
        prometheus_value(out, generation->services[i]->capacity.connections);
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
    prometheus_name(expiry->out, metric, expiry->service);
    out_format(expiry->out, ",certificate=\"%u\"", index);
    prometheus_label(expiry->out, "server_name", first);
}

static void put_expiry(const actpass_certificate_t *certificate, unsigned index, void *arg)
{
    const struct expiry *expiry = arg;
    put_certificate_labels(expiry, expiry_name, certificate, index);
    out_format(expiry->out, "} %" PRId64 "\n", certificate->not_after);
}

static void put_expiries(struct out *out, const struct generation *generation)
{
    prometheus_begin(
        out, expiry_name, PROMETHEUS_GAUGE,
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
    prometheus_begin(
        out, staple_name, PROMETHEUS_GAUGE,
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
    prometheus_begin(out, name, PROMETHEUS_COUNTER,
                     "Connections that were accepted on each address.");
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        for (size_t k = 0; k < service->listeners.count; k++) {
            const struct listener *listener = service->listeners.items[k].listener;
            prometheus_name(out, name, service->config->name);
            prometheus_label(out, "address", listener_address(listener));
            prometheus_value(out, listener_accepted(listener));
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
    prometheus_name(gauge->out, gauge->name, service);
    prometheus_label(gauge->out, "route", route);
    prometheus_label(gauge->out, "backend", backend);
    prometheus_value(gauge->out, gauge->value(state));
}

static void put_backends(struct out *out, const struct generation *generation)
{
    struct backends_gauge up = {out, "actpass_backend_up", is_up};
    struct backends_gauge connections = {out, "actpass_backend_connections", connections_of};
    prometheus_begin(out, up.name, PROMETHEUS_GAUGE,
                     "Backends of forward: 0 if one is left out since it has failed.");
    for (size_t i = 0; i < generation->count; i++)
        backends_metrics_each(generation->services[i], put_backend, &up);
    prometheus_begin(out, connections.name, PROMETHEUS_GAUGE,
                     "Connections to the backends of forward.");
    for (size_t i = 0; i < generation->count; i++)
        backends_metrics_each(generation->services[i], put_backend, &connections);
}

/* ---- The process ----------------------------------------------------------------------------- */

static void put_build(struct out *out)
{
    static const char name[] = "actpass_build_info";
    prometheus_begin(out, name, PROMETHEUS_GAUGE, "The versions of actpass and OpenSSL; always 1.");
    out_format(out, "%s{version=\"%s\",openssl=\"", name, ACTPASS_VERSION);
    out_label(out, OpenSSL_version(OPENSSL_VERSION_STRING));
    out_text(out, "\"} 1\n");
}

static void put_crew(struct out *out, struct server *server)
{
    struct crew_counts crew = crew_count(server->crew);
    prometheus_alone(out, "actpass_threads", PROMETHEUS_GAUGE, "Threads that run connections.",
                     crew.threads);
    prometheus_alone(out, "actpass_threads_blocked", PROMETHEUS_GAUGE,
                     "Threads of these that wait for a file, a name or a session store.",
                     crew.blocked);
    prometheus_alone(out, "actpass_tasks", PROMETHEUS_GAUGE,
                     "Connections that have a task, or are being dialed.", crew.tasks);
    prometheus_alone(out, "actpass_tasks_parked", PROMETHEUS_GAUGE,
                     "Tasks of these that wait without a thread.", crew_count_parked(server->crew));
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
    prometheus_alone(out, "actpass_ready", PROMETHEUS_GAUGE,
                     "1 while new connections are accepted, else 0.",
                     atomic_load(&server->stops) == 0);
    put_open(out, generation, &counts);
    put_limits(out, generation);
    put_kept(out, generation);
    metrics_counters(out, stats_first(server->stats));
    put_expiries(out, generation);
    put_listeners(out, generation);
    put_staples(out, generation);
    put_backends(out, generation);
    put_crew(out, server);
    pools_write_metrics(server->fleet, out);
    prometheus_alone(out, "actpass_log_lines_lost_total", PROMETHEUS_COUNTER,
                     "Log lines that were lost because their reader was slow or gone.",
                     log_lost(server->log));
    process_write(out, server->began_wall_ms);
    generation_release(generation);
    view_counts_free(&counts);
}
