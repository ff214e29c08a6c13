#include "server/daemon/admin/metrics_counters.h"

#include "server/daemon/admin/prometheus.h"
#include "server/include/actpass.h"

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
        prometheus_begin(out, rows[i].name, PROMETHEUS_COUNTER, rows[i].help);
        for (const struct service_stats *service = first; service; service = service->next) {
            prometheus_name(out, rows[i].name, service->name);
            prometheus_value(out, atomic_load(&service->events[rows[i].event]));
        }
    }
}

static void put_refused(struct out *out, const char *name, const struct service_stats *service)
{
    for (enum refusal refusal = REFUSED_NOT + 1; refusal < REFUSAL_COUNT; refusal++) {
        prometheus_name(out, name, service->name);
        prometheus_label(out, "limit", refusal_name(refusal));
        prometheus_value(out, atomic_load(&service->events[STATS_REFUSED + refusal]));
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
        prometheus_name(out, name, service->name);
        prometheus_label(out, "role", role_names[role]);
        prometheus_label(out, "cause", actpass_cause_name((actpass_cause)cause));
        prometheus_label(out, "reason", actpass_end_name((actpass_end)end));
        prometheus_value(out, count);
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
            prometheus_name(out, name, service->name);
            prometheus_label(out, "version", versions[version]);
            prometheus_label(out, "store", stores[store]);
            prometheus_value(out, atomic_load(&service->resumed[version][store]));
        }
}

static void put_received(struct out *out, const char *name, const struct service_stats *service)
{
    prometheus_name(out, name, service->name);
    prometheus_value(out, atomic_load(&service->received));
}

static void put_sent(struct out *out, const char *name, const struct service_stats *service)
{
    prometheus_name(out, name, service->name);
    prometheus_value(out, atomic_load(&service->sent));
}

static void put_part(struct out *out, const char *name, const char *part, const char *service,
                     size_t role)
{
    out_format(out, "%s_%s{service=\"", name, part);
    out_label(out, service);
    out_text(out, "\"");
    prometheus_label(out, "role", role_names[role]);
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
        prometheus_value(out, count);
    }
    put_part(out, name, "sum", service->name, role);
    out_text(out, "} ");
    prometheus_seconds(out, atomic_load(&handshakes->sum_us));
    out_text(out, "\n");
    put_part(out, name, "count", service->name, role);
    prometheus_value(out, count);
}

static void put_handshakes(struct out *out, const char *name, const struct service_stats *service)
{
    put_histogram(out, name, service, STATS_SERVER);
    put_histogram(out, name, service, STATS_CLIENT);
}

static void put_all(struct out *out, const char *name, enum prometheus_type type, const char *help,
                    putter *put, const struct service_stats *service)
{
    prometheus_begin(out, name, type, help);
    for (; service; service = service->next)
        put(out, name, service);
}

void metrics_counters(struct out *out, const struct service_stats *first)
{
    put_events(out, first);
    put_all(out, "actpass_connections_refused_total", PROMETHEUS_COUNTER,
            "Connections closed right after accept, by the limit that refused them.", put_refused,
            first);
    put_all(out, "actpass_connections_closed_total", PROMETHEUS_COUNTER,
            "Connections that have closed, by TLS role, its cause and the close reason.",
            put_closed, first);
    put_all(out, "actpass_sessions_resumed_total", PROMETHEUS_COUNTER,
            "Handshakes that resumed a session, by TLS version and by where it was kept.",
            put_resumed, first);
    put_all(out, "actpass_received_bytes_total", PROMETHEUS_COUNTER, "Bytes received from peers.",
            put_received, first);
    put_all(out, "actpass_sent_bytes_total", PROMETHEUS_COUNTER, "Bytes sent to peers.", put_sent,
            first);
    put_all(out, "actpass_handshake_duration_seconds", PROMETHEUS_HISTOGRAM,
            "Complete handshakes: as server from the peer's first byte, as client from the "
            "decision of the role.",
            put_handshakes, first);
}
