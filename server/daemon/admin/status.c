#include "server/daemon/admin/status.h"

#include "relay/clock.h"
#include "server/daemon/admin/pools.h"
#include "server/daemon/admin/view.h"
#include "server/daemon/bound.h"
#include "server/daemon/current.h"
#include "server/daemon/generation.h"
#include "server/include/actpass.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct status_clock now(void)
{
    struct timespec wall = {0};
    (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
    return (struct status_clock){.wall_ms = wall.tv_sec * INT64_C(1000) + wall.tv_nsec / 1000000,
                                 .monotonic_us = clock_now_us()};
}

static int64_t wall_ms(const struct status_clock *clock, int64_t monotonic_us)
{
    return clock->wall_ms - (clock->monotonic_us - monotonic_us) / 1000;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void put_if_known(struct out *out, const char *key, const char *text)
{
    out_string(out, key, text[0] != '\0' ? text : NULL);
}

static void put_verdict(const struct snapshot *snapshot, struct out *out)
{
    bool decided = snapshot->role != ACTPASS_ROLE_AUTO;
    bool has_cause = snapshot->cause != ACTPASS_CAUSE_UNDECIDED;
    bool ended = snapshot->end != ACTPASS_OPEN;
    out_string(out, "role", decided ? actpass_role_name(snapshot->role) : NULL);
    out_string(out, "cause", has_cause ? actpass_cause_name(snapshot->cause) : NULL);
    out_string(out, "reason", ended ? actpass_end_name(snapshot->end) : NULL);
    put_if_known(out, "error", snapshot->error);
}

static void put_tls(const struct snapshot *snapshot, struct out *out)
{
    put_if_known(out, "protocol", snapshot->protocol);
    put_if_known(out, "cipher", snapshot->cipher);
    put_if_known(out, "group", snapshot->group);
    put_if_known(out, "alpn", snapshot->alpn);
    put_if_known(out, "server_name", snapshot->server_name);
    put_if_known(out, "subject", snapshot->subject);
    put_if_known(out, "fingerprint", snapshot->fingerprint);
    out_bool(out, "resumed", snapshot->resumed);
}

static void put_timeline(const struct snapshot *snapshot, struct out *out)
{
    bool decided = snapshot->role != ACTPASS_ROLE_AUTO;
    out_open(out, "timeline", '{');
    out_ms(out, "accept", 0);
    out_ms(out, "first_byte", snapshot->first_byte_us);
    out_ms(out, "verdict", decided ? snapshot->decided_us : -1);
    out_ms(out, "hello", snapshot->hello_us);
    out_ms(out, "handshake", snapshot->handshake_us);
    out_ms(out, "first_data", snapshot->first_data_us);
    out_ms(out, "end", snapshot->end_us);
    out_close(out, '}');
}

void status_write_connection(const struct snapshot *snapshot, const struct status_clock *clock,
                             struct out *out)
{
    static const char *const states[SNAPSHOT_STATES] = {"waiting", "handshake", "established",
                                                        "closing", "closed"};
    out_open(out, NULL, '{');
    out_number(out, "conn", (int64_t)snapshot->origin.number);
    out_string(out, "service", snapshot->origin.service);
    out_bool(out, "dialed", snapshot->origin.dialed);
    out_string(out, "peer", snapshot->peer);
    out_string(out, "state", snapshot->preface ? "preface" : states[snapshot->state]);
    out_string(out, "waits_for", snapshot->preface);
    put_verdict(snapshot, out);
    put_tls(snapshot, out);
    out_number(out, "received_bytes", (int64_t)snapshot->received);
    out_number(out, "sent_bytes", (int64_t)snapshot->sent);
    out_number(out, "accepted_ms", wall_ms(clock, snapshot->origin.began_us));
    put_timeline(snapshot, out);
    out_close(out, '}');
}

struct list {
    struct out *out;
    const struct status_clock *clock;
};

static void put_connection(const struct snapshot *snapshot, void *arg)
{
    const struct list *list = arg;
    status_write_connection(snapshot, list->clock, list->out);
}

/* ---- Services -------------------------------------------------------------------------------- */

/* "forward 127.0.0.1:80 127.0.0.1:81", "echo". HANDLER NULL: the service never takes that role. */
static void put_handler(struct out *out, const char *key, const struct handler *handler,
                        const struct config_service *service, const struct config_handler *what)
{
    char text[512] = "";
    size_t length = 0;
    if (handler)
        length = (size_t)snprintf(text, sizeof(text), "%s", handler->name);
    for (size_t i = 0; i < what->forward.count && length < sizeof(text); i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, " %s",
                                   what->forward.items[i].text);
    const struct config_listen *plain = &service->dial.listen_plain;
    for (size_t i = 0; handler && i < plain->count && length < sizeof(text); i++)
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, " %s", plain->addresses[i].text);
    out_string(out, key, handler ? text : NULL);
}

static void put_handlers(struct out *out, const struct service *service)
{
    const struct config_service *config = service->config;
    enum config_role role = config->connection.role;
    put_handler(out, "as_server", role != CONFIG_ROLE_CLIENT ? service->as_server.handler : NULL,
                config, &config->as_server);
    put_handler(out, "as_client", role != CONFIG_ROLE_SERVER ? service->as_client.handler : NULL,
                config, &config->as_client);
}

static void put_routes(struct out *out, const struct service *service)
{
    out_open(out, "routes", '[');
    for (size_t i = 0; i < service->route_count; i++) {
        const struct service_handler *handler = &service->routes[i].handler;
        out_open(out, NULL, '{');
        out_string(out, "name", handler->route);
        put_handler(out, "handler", handler->handler, service->config, handler->what);
        out_close(out, '}');
    }
    out_close(out, ']');
}

/* "listen" is for people: the only address, or the first of several. */
static void put_listeners(struct out *out, const struct listeners *listeners)
{
    char text[BOUND_TEXT + 32] = "";
    size_t count = listeners->count;
    if (count > 0)
        (void)snprintf(text, sizeof(text), "%s", listener_address(listeners->items[0].listener));
    if (count > 1)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " and %zu more",
                       count - 1);
    out_string(out, "listen", count > 0 ? text : NULL);
    out_open(out, "listeners", '[');
    for (size_t i = 0; i < count; i++) {
        const struct listener *listener = listeners->items[i].listener;
        out_open(out, NULL, '{');
        out_string(out, "address", listener_address(listener));
        out_number(out, "accepted", (int64_t)listener_accepted(listener));
        out_close(out, '}');
    }
    out_close(out, ']');
}

static void put_addresses(struct out *out, const struct service *service)
{
    const struct config_service *config = service->config;
    static const char *const roles[] = {"auto", "server", "client"};
    put_listeners(out, &service->listeners);
    out_open(out, "dial", '[');
    for (size_t i = 0; i < config->dial.address_count; i++)
        out_string(out, NULL, config->dial.addresses[i].text);
    out_close(out, ']');
    out_string(out, "through", config->dial.through.proxy.text);
    out_string(out, "role", roles[config->connection.role]);
    put_handlers(out, service);
    put_routes(out, service);
    out_number(out, "max_connections", (int64_t)service->capacity.connections);
}

static void put_states(struct out *out, const uint64_t counts[SNAPSHOT_STATES])
{
    uint64_t open = 0;
    for (size_t i = 0; i < SNAPSHOT_STATES; i++)
        open += counts[i];
    out_number(out, "open", (int64_t)open);
    out_open(out, "states", '{');
    out_number(out, "waiting", (int64_t)counts[SNAPSHOT_WAITING]);
    out_number(out, "handshake", (int64_t)counts[SNAPSHOT_HANDSHAKE]);
    out_number(out, "established", (int64_t)counts[SNAPSHOT_ESTABLISHED]);
    out_number(out, "closing", (int64_t)counts[SNAPSHOT_CLOSING]);
    out_close(out, '}');
}

static void put_counter(struct out *out, const char *key, const atomic_ullong *counter)
{
    out_number(out, key, (int64_t)atomic_load(counter));
}

static void put_events(struct out *out, const struct service_stats *stats)
{
    put_counter(out, "accepted", &stats->events[STATS_ACCEPTED]);
    put_counter(out, "dialed", &stats->events[STATS_DIALED]);
    put_counter(out, "dials_failed", &stats->events[STATS_DIAL_FAILED]);
    put_counter(out, "dial_addresses_failed", &stats->events[STATS_ADDRESS_FAILED]);
    out_open(out, "refused", '{');
    for (enum refusal refusal = REFUSED_NOT + 1; refusal < REFUSAL_COUNT; refusal++)
        put_counter(out, refusal_name(refusal), &stats->events[STATS_REFUSED + refusal]);
    out_close(out, '}');
    put_counter(out, "made_way", &stats->events[STATS_MADE_WAY]);
    put_counter(out, "dropped", &stats->events[STATS_DROPPED]);
    put_counter(out, "programs_started", &stats->events[STATS_PROGRAM_STARTED]);
    put_counter(out, "programs_failed", &stats->events[STATS_PROGRAM_FAILED]);
    put_counter(out, "programs_ended", &stats->events[STATS_PROGRAM_ENDED]);
}

static void put_kept(struct out *out, const struct service_stats *stats)
{
    out_open(out, "kept", '{');
    put_counter(out, "dialing", &stats->dialing);
    put_counter(out, "unused", &stats->unused);
    put_counter(out, "used", &stats->used);
    out_close(out, '}');
}

static void put_handshakes(struct out *out, const struct service_stats *stats)
{
    uint64_t count = 0, sum_us = 0, resumed = 0;
    for (size_t role = STATS_SERVER; role <= STATS_CLIENT; role++) {
        sum_us += atomic_load(&stats->handshakes[role].sum_us);
        for (size_t i = 0; i < STATS_BUCKETS; i++)
            count += atomic_load(&stats->handshakes[role].buckets[i]);
    }
    for (size_t version = 0; version < STATS_VERSIONS; version++)
        for (size_t store = 0; store < STATS_STORES; store++)
            resumed += atomic_load(&stats->resumed[version][store]);
    out_number(out, "handshakes", (int64_t)count);
    out_ms(out, "handshake_ms_sum", (int64_t)sum_us);
    out_number(out, "resumed", (int64_t)resumed);
}

static void put_closed_item(struct out *out, const char *role, size_t cause, size_t end,
                            uint64_t count)
{
    out_open(out, NULL, '{');
    out_string(out, "role", role);
    out_string(out, "cause", actpass_cause_name((actpass_cause)cause));
    out_string(out, "reason", actpass_end_name((actpass_end)end));
    out_number(out, "count", (int64_t)count);
    out_close(out, '}');
}

static void put_closed(struct out *out, const struct service_stats *stats)
{
    static const char *const roles[STATS_ROLES] = {"server", "client", "none"};
    out_open(out, "closed", '[');
    for (size_t role = 0; role < STATS_ROLES; role++)
        for (size_t cause = 0; cause < STATS_CAUSES; cause++)
            for (size_t end = 0; end < STATS_ENDS; end++) {
                uint64_t count = atomic_load(&stats->closed[role][cause][end]);
                if (count > 0)
                    put_closed_item(out, roles[role], cause, end, count);
            }
    out_close(out, ']');
}

static void put_names(struct out *out, const char *names)
{
    char name[sizeof(((actpass_certificate_t *)NULL)->server_names)];
    out_open(out, "server_names", '[');
    while (*names) {
        size_t length = strcspn(names, " ");
        (void)snprintf(name, sizeof(name), "%.*s", (int)length, names);
        out_string(out, NULL, name);
        names += length + strspn(names + length, " ");
    }
    out_close(out, ']');
}

static void put_certificate(const actpass_certificate_t *certificate, unsigned index, void *arg)
{
    struct out *out = arg;
    (void)index;
    out_open(out, NULL, '{');
    put_names(out, certificate->server_names);
    out_string(out, "subject", certificate->subject);
    out_string(out, "serial", certificate->serial);
    out_number(out, "not_before_ms", certificate->not_before * 1000);
    out_number(out, "not_after_ms", certificate->not_after * 1000);
    out_number(out, "staple_until_ms", certificate->staple_until * 1000);
    out_close(out, '}');
}

static void put_service(struct out *out, struct service *service, const struct view_counts *counts)
{
    out_open(out, NULL, '{');
    out_string(out, "name", service->config->name);
    put_addresses(out, service);
    put_states(out, view_counts_of(counts, service->stats));
    if (service->stats) { /* there was memory for its counters */
        put_events(out, service->stats);
        if (config_dial_is_kept(&service->config->dial))
            put_kept(out, service->stats);
        put_handshakes(out, service->stats);
        put_counter(out, "received_bytes", &service->stats->received);
        put_counter(out, "sent_bytes", &service->stats->sent);
        put_closed(out, service->stats);
    }
    out_open(out, "certificates", '[');
    view_certificates(service, put_certificate, out);
    out_close(out, ']');
    out_close(out, '}');
}

static void put_services(struct out *out, struct server *server, const struct view_counts *counts)
{
    struct generation *generation = server_generation(server);
    out_open(out, "services", '[');
    for (size_t i = 0; i < generation->count; i++)
        put_service(out, generation->services[i], counts);
    out_close(out, ']');
    generation_release(generation);
}

/* ---- All ------------------------------------------------------------------------------------- */

static void put_process(struct out *out, struct server *server, const struct status_clock *clock)
{
    struct crew_counts crew = crew_count(server->crew);
    out_string(out, "version", ACTPASS_VERSION);
    out_string(out, "openssl", OpenSSL_version(OPENSSL_VERSION));
    out_number(out, "pid", getpid());
    out_number(out, "time_ms", clock->wall_ms);
    out_number(out, "started_ms", server->began_wall_ms);
    out_string(out, "state", atomic_load(&server->stops) > 0 ? "stopping" : "running");
    out_open(out, "threads", '{');
    out_number(out, "crew", crew.threads);
    out_number(out, "blocked", crew.blocked);
    out_close(out, '}');
    out_number(out, "log_lines_lost", (int64_t)log_lost(server->log));
}

static void put_failures(struct out *out, struct stats *stats, const struct status_clock *clock)
{
    struct snapshot *failures = calloc(STATS_FAILURES, sizeof(*failures));
    size_t count = failures ? stats_failures(stats, failures) : 0;
    out->failed = out->failed || !failures;
    out_open(out, "failed", '[');
    for (size_t i = 0; i < count; i++)
        status_write_connection(&failures[i], clock, out);
    out_close(out, ']');
    free(failures);
}

void status_write(struct server *server, size_t connections, struct out *out)
{
    const struct status_clock clock = now();
    struct view_counts counts;
    struct out items = {.length = 0};
    struct list list = {&items, &clock};
    out_open(&items, "connections", '[');
    if (!view_connections(server, connections, put_connection, &list, &counts)) {
        free(items.bytes);
        out->failed = true;
        return;
    }
    out_close(&items, ']');
    out_open(out, NULL, '{');
    put_process(out, server, &clock);
    out_number(out, "open", (int64_t)counts.open);
    put_services(out, server, &counts);
    pools_write_status(server->fleet, server->shares, clock.wall_ms * 1000 - clock.monotonic_us,
                       out);
    out_member(out, &items);
    put_failures(out, server->stats, &clock);
    out_close(out, '}');
    out_text(out, "\n");
    view_counts_free(&counts);
}
