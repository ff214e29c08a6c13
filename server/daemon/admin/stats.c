#include "server/daemon/admin/stats.h"

#include "relay/lock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const int64_t stats_bounds_us[STATS_BOUNDS] = {1000,    2500,    5000,    10000,  25000,
                                               50000,   100000,  250000,  500000, 1000000,
                                               2500000, 5000000, 10000000};

struct stats {
    _Atomic(struct service_stats *) first;

    pthread_mutex_t lock;       /* guards the making of a service's counters, and what follows */
    struct snapshot *failures;  /* a ring of STATS_FAILURES; NULL: none so far */
    size_t failure_count, next; /* next: where the next one goes */
};

/* ---- Life ------------------------------------------------------------------------------------ */

struct stats *stats_new(void)
{
    struct stats *stats = calloc(1, sizeof(*stats));
    if (stats && pthread_mutex_init(&stats->lock, NULL) != 0) {
        free(stats);
        return NULL;
    }
    return stats;
}

void stats_free(struct stats *stats)
{
    if (!stats)
        return;
    struct service_stats *service = stats->first;
    while (service) {
        struct service_stats *next = service->next;
        free(service->name);
        free(service);
        service = next;
    }
    free(stats->failures);
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}

/* NULL: out of memory. */
static struct service_stats *make(const char *name, struct service_stats *before)
{
    struct service_stats *service = calloc(1, sizeof(*service));
    if (!service)
        return NULL;
    service->next = before;
    service->index = before ? before->index + 1 : 0;
    service->name = strdup(name);
    if (service->name)
        return service;
    free(service);
    return NULL;
}

static struct service_stats *find(struct service_stats *service, const char *name)
{
    while (service && strcmp(service->name, name) != 0)
        service = service->next;
    return service;
}

struct service_stats *stats_of(struct stats *stats, const char *name)
{
    if (!stats)
        return NULL;
    lock_take(&stats->lock);
    struct service_stats *service = find(stats->first, name);
    if (!service) {
        service = make(name, stats->first);
        if (service)
            stats->first = service;
    }
    lock_release(&stats->lock);
    return service;
}

struct service_stats *stats_first(struct stats *stats)
{
    return stats ? stats->first : NULL;
}

/* ---- Counters -------------------------------------------------------------------------------- */

static void add(atomic_ullong *counter, uint64_t count)
{
    atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

void stats_count(struct service_stats *service, enum stats_event event)
{
    if (service)
        add(&service->events[event], 1);
}

static enum stats_role role_of(const actpass_info_t *info)
{
    if (info->role == ACTPASS_ROLE_SERVER)
        return STATS_SERVER;
    return info->role == ACTPASS_ROLE_CLIENT ? STATS_CLIENT : STATS_NO_ROLE;
}

/* A server's begins with the peer's first byte, a client's with the decision: the wait for either
 * is the peer's choice, or the configuration's. */
static int64_t duration_us(const actpass_info_t *info)
{
    bool client = info->role == ACTPASS_ROLE_CLIENT;
    int64_t from_us = client || info->first_byte_us < 0 ? info->decided_us : info->first_byte_us;
    int64_t took_us = info->handshake_us - from_us;
    return took_us > 0 ? took_us : 0;
}

static void add_duration(struct stats_handshakes *handshakes, int64_t took_us)
{
    size_t bucket = 0;
    while (bucket < STATS_BOUNDS && took_us > stats_bounds_us[bucket])
        bucket++;
    add(&handshakes->buckets[bucket], 1);
    add(&handshakes->sum_us, (uint64_t)took_us);
}

void stats_handshake(struct service_stats *service, const actpass_info_t *info,
                     enum config_sessions_kind sessions)
{
    if (!service)
        return;
    enum stats_role role = info->role == ACTPASS_ROLE_CLIENT ? STATS_CLIENT : STATS_SERVER;
    add_duration(&service->handshakes[role], duration_us(info));
    if (!info->resumed)
        return;
    enum stats_version version =
        strcmp(info->protocol, "TLSv1.2") == 0 ? STATS_TLS_1_2 : STATS_TLS_1_3;
    unsigned store = role == STATS_CLIENT ? STATS_STORE_CLIENT : (unsigned)sessions;
    add(&service->resumed[version][store], 1);
}

void stats_closed(struct service_stats *service, const actpass_info_t *info)
{
    bool known = (unsigned)info->cause < STATS_CAUSES && (unsigned)info->end < STATS_ENDS;
    if (service && known)
        add(&service->closed[role_of(info)][info->cause][info->end], 1);
}

void stats_bytes(struct service_stats *service, const actpass_info_t *info,
                 struct stats_bytes *counted)
{
    if (!service)
        return;
    add(&service->received, info->received - counted->received);
    add(&service->sent, info->sent - counted->sent);
    *counted = (struct stats_bytes){info->received, info->sent};
}

/* Differences below zero wrap around, and so do the sums. */
void stats_kept(struct service_stats *service, const struct stats_kept *now,
                struct stats_kept *shown)
{
    if (!service)
        return;
    add(&service->dialing, now->dialing - shown->dialing);
    add(&service->unused, now->unused - shown->unused);
    add(&service->used, now->used - shown->used);
    *shown = *now;
}

/* ---- Those that failed ----------------------------------------------------------------------- */

bool stats_is_failure(const actpass_info_t *info)
{
    return info->end != ACTPASS_CLEAN && info->end != ACTPASS_UNUSED &&
           info->cause != ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE;
}

void stats_keep_failure(struct stats *stats, const struct snapshot *snapshot)
{
    if (!stats)
        return;
    lock_take(&stats->lock);
    if (!stats->failures)
        stats->failures = calloc(STATS_FAILURES, sizeof(stats->failures[0]));
    if (stats->failures) { /* without memory it is only counted */
        stats->failures[stats->next] = *snapshot;
        stats->next = (stats->next + 1) % STATS_FAILURES;
        stats->failure_count += stats->failure_count < STATS_FAILURES;
    }
    lock_release(&stats->lock);
}

size_t stats_failures(struct stats *stats, struct snapshot list[STATS_FAILURES])
{
    if (!stats)
        return 0;
    lock_take(&stats->lock);
    size_t count = stats->failure_count;
    for (size_t i = 0; i < count; i++)
        list[i] = stats->failures[(stats->next + STATS_FAILURES - 1 - i) % STATS_FAILURES];
    lock_release(&stats->lock);
    return count;
}
