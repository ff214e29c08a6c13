#include "server/daemon/room.h"

#include "relay/clock.h"
#include "server/daemon/preface/trusted.h"
#include "server/daemon/report.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many connections make way at once when the process is short of something. */
enum { WAY_AT_SHORTAGE = 8 };

enum { FEW = 64 };

/* ---- Load ---------------------------------------------------------------------------------- */

/* By default one address may take half of a service's connections, but at least FEW: those may be
 * good clients behind one address that arrive together. Peers without an IP address are not
 * limited. */
static uint64_t undecided_limit_of(const struct service *service)
{
    const struct config_service *config = service->config;
    if (!config_listen_has(&config->listen, CONFIG_ADDRESS_TCP) && !config->has_accept_proxy)
        return UINT64_MAX;
    uint64_t limit = config->limits.undecided_per_address;
    uint64_t half = service->capacity.connections / 2;
    if (limit > 0)
        return limit;
    return half > FEW ? half : FEW;
}

static void warn(const struct service *first, uint64_t need, uint64_t limit,
                 struct config_report *report)
{
    config_report_add(
        report, CONFIG_WARNING, first->held->config,
        "the max_connections of all services need %llu descriptors and the process may have %llu, "
        "so each service gets its share of them (\"%s\": %llu of %llu connections): raise the "
        "limit "
        "(ulimit -Hn, LimitNOFILE=), or lower max_connections",
        (unsigned long long)need, (unsigned long long)limit, first->config->name,
        (unsigned long long)first->capacity.connections,
        (unsigned long long)first->config->max_connections);
}

/* The first service that gets fewer connections than it has configured. A default does not count
 * as configured, and a service that dials by itself has a number of its own. NULL: there is no such
 * service. */
static const struct service *first_short(const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        uint64_t configured = service->config->max_connections;
        if (!config_dial_is_kept(&service->config->dial) &&
            configured != CONFIG_MAX_CONNECTIONS_DEFAULT &&
            service->capacity.connections < configured)
            return service;
    }
    return NULL;
}

static bool load_service(struct service *service, const struct capacity *capacity)
{
    uint64_t rate = service->config->limits.rate_per_address;
    service->rate = admission_rate(service->config->limits.rate);
    service->capacity = *capacity;
    service->undecided_limit = undecided_limit_of(service);
    service->rates = rate > 0 ? rates_new(rate) : NULL;
    return rate == 0 || service->rates;
}

bool room_load(struct generation *generation, struct config_report *report)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    struct capacity *capacities = calloc(generation->count, sizeof(*capacities));
    bool loaded = capacities && getrlimit(RLIMIT_NOFILE, &limit) == 0;
    uint64_t need = loaded ? capacity_share(generation->config, limit.rlim_cur, capacities) : 0;
    if (loaded)
        generation->joins = capacity_joins(generation->config, limit.rlim_cur, capacities);
    for (size_t i = 0; loaded && i < generation->count; i++)
        loaded = load_service(generation->services[i], &capacities[i]);
    const struct service *first = loaded ? first_short(generation) : NULL;
    if (first)
        warn(first, need, limit.rlim_cur, report);
    free(capacities);
    return loaded;
}

/* ---- Room ---------------------------------------------------------------------------------- */

static void note_full(struct server *server, struct service *service)
{
    if (service->full_logged)
        return;
    struct log_field fields[] = {
        log_text("service", service->config->name), log_text("event", "full"),
        log_number("max_connections", (int64_t)service->capacity.connections)};
    service->full_logged = true;
    log_write(server->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}

/* True: one connection makes way. False: retry_us is the time to try again. */
static bool make_way(struct server *server, struct service *service, uint64_t above)
{
    int64_t again_us = registry_make_way(server->registry, service->connections, above);
    if (again_us == 0) {
        atomic_fetch_add(&server->counters.made_way, 1);
        stats_count(service->stats, STATS_MADE_WAY);
        return true;
    }
    if (again_us < service->retry_us)
        service->retry_us = again_us;
    return false;
}

/* No connection makes way unless a peer waits. */
static bool peer_is_waiting(const struct service *service)
{
    for (size_t i = 0; i < service->listeners.count; i++) {
        struct pollfd set = {.fd = listener_fd(service->listeners.items[i].listener),
                             .events = POLLIN};
        if (poll(&set, 1, 0) > 0)
            return true;
    }
    return false;
}

bool room_find(struct server *server, struct service *service)
{
    service->retry_us = DEADLINE_NEVER;
    service->waiting = false;
    while (make_way(server, service, service->undecided_limit)) {
    }
    struct registry_counts open = registry_count_service(server->registry, service->connections);
    const struct capacity *capacity = &service->capacity;
    if (open.all < capacity->connections)
        return true;
    if (open.all >= capacity->connections + capacity->spare) {
        service->waiting = true; /* some of them are about to close */
        return false;
    }
    if (open.all < capacity->connections + open.leaving)
        return true;
    if (!peer_is_waiting(service))
        return false;
    if (make_way(server, service, 0))
        return true;
    service->waiting = true;
    if (open.leaving == 0 && service->retry_us == DEADLINE_NEVER)
        note_full(server, service);
    return false;
}

bool room_after_shortage(struct server *server, struct service *service)
{
    service->retry_us = DEADLINE_NEVER;
    int making = 0;
    while (making < WAY_AT_SHORTAGE && make_way(server, service, 0))
        making++;
    return making > 0;
}

/* ---- Who gets it --------------------------------------------------------------------------- */

/* What is counted for each address, beside the number of its connections. */
static enum refusal judge_address(const struct service *service, const struct peer *peer)
{
    if (!peer->known)
        return REFUSED_NOT;
    if (!admission_allows(&service->config->limits, &peer->key))
        return REFUSED_DENIED;
    if (service->rates && !rates_take(service->rates, &peer->address, clock_now_us()))
        return REFUSED_RATE;
    return REFUSED_NOT;
}

static enum refusal judge(struct server *server, struct service *service, const struct peer *peer,
                          const struct sockaddr_storage *address)
{
    const struct config_service *config = service->config;
    uint64_t max = config->limits.per_address;
    if (proxy_is_trusted(config, address)) /* its clients are judged */
        return REFUSED_NOT;
    if (config->has_accept_proxy && config->accept_proxy.others == CONFIG_OTHERS_REFUSE)
        return REFUSED_NO_PROXY;
    enum refusal refusal = judge_address(service, peer);
    if (refusal != REFUSED_NOT || !peer->known)
        return refusal;
    bool many = max > 0 &&
                registry_open_from(server->registry, service->connections, &peer->address) >= max;
    return many ? REFUSED_PER_ADDRESS : REFUSED_NOT;
}

/* Closes with a reset, which leaves no state in the kernel. */
void room_refuse(struct server *server, struct service *service, int fd, enum refusal refusal,
                 const struct room_refused *refused)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct report report = {.log = server->log,
                            .service = service->config->name,
                            .number = refused->number,
                            .proxy = refused->proxy};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
                     sizeof(reset)); /* otherwise it sends a FIN */
    close(fd);
    atomic_fetch_add(&server->counters.refused[refusal], 1);
    stats_count(service->stats, STATS_REFUSED + refusal);
    if (log_limit_note(&service->refusing[refusal]))
        report_refused(&report, refusal, refused->address);
}

bool room_admit(struct server *server, struct service *service, int fd,
                const struct sockaddr_storage *address, struct peer *peer)
{
    *peer = admission_peer(&service->config->limits, address);
    enum refusal refusal = judge(server, service, peer, address);
    if (refusal != REFUSED_NOT)
        room_refuse(server, service, fd, refusal, &(struct room_refused){.address = address});
    return refusal == REFUSED_NOT;
}

enum refusal room_judge_client(struct server *server, struct service *service,
                               struct registry_entry *entry, const struct peer *client, int *error)
{
    *error = 0;
    enum refusal refusal = judge_address(service, client);
    if (refusal != REFUSED_NOT || !client->known)
        return refusal;
    switch (registry_move(server->registry, entry, &client->address,
                          service->config->limits.per_address)) {
    case REGISTRY_MOVED:
        break;
    case REGISTRY_TOO_MANY:
        return REFUSED_PER_ADDRESS;
    case REGISTRY_NO_MEMORY:
        *error = ENOMEM;
    }
    return REFUSED_NOT;
}
