#include "server/daemon/swap.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/listening.h"
#include "server/daemon/persistent.h"

#include <stdlib.h>
#include <string.h>

/* ---- The thread that reloads --------------------------------------------------------------- */

/* The service that follows OLD, and goes on counting its connections. NULL: OLD is gone. */
static struct service *successor(const struct generation *next, const struct service *old)
{
    struct service *service = generation_find(next, old->config->name);
    return service && service->connections == old->connections ? service : NULL;
}

static bool prepare_service(struct change *change, size_t number)
{
    const struct service *old = change->before->services[number];
    bool waits_for_ever = old->config->connection.initial_data_timeout_ms < 0;
    return successor(change->next, old) ||
           retired_prepare(&change->gone, old->connections, waits_for_ever);
}

bool swap_prepare(struct server *server, struct generation *next, struct change *change)
{
    struct generation *before = server->generation;
    *change = (struct change){.before = before, .next = next};
    bool prepared = persistent_prepare(server, next, before);
    for (size_t i = 0; prepared && i < before->count; i++)
        prepared = prepare_service(change, i);
    return prepared;
}

bool swap_give(struct server *server, struct change *change)
{
    bool done = handover_give(server->reloads, change);
    if (!done)
        persistent_discard(change->next);
    return done;
}

void swap_discard(struct change *change)
{
    retired_clear(&change->gone);
}

/* ---- The accept thread --------------------------------------------------------------------- */

static bool has_same_limits(const struct config_limits *one, const struct config_limits *other)
{
    return one->rate_per_address == other->rate_per_address &&
           one->ipv4_prefix == other->ipv4_prefix && one->ipv6_prefix == other->ipv6_prefix;
}

/* What addresses have taken counts on. */
static void move_rates(struct service *service, struct service *old)
{
    struct rates *rates = service->rates;
    if (service->config->limits.rate == old->config->limits.rate)
        service->rate_full_us = old->rate_full_us;
    if (!has_same_limits(&service->config->limits, &old->config->limits))
        return;
    service->rates = old->rates;
    old->rates = rates;
}

static void tune(struct server *server, struct service *service)
{
    int failed = listening_tune(service);
    if (failed == 0)
        return;
    struct log_field fields[] = {
        log_text("event", "reload"), log_text("service", service->config->name),
        log_text("warning", "tcp_fast_open is not available"), log_text("error", strerror(failed))};
    log_write(server->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}

static void shut_what_is_left(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (!listeners->items[i].kept)
            listener_shut(listeners->items[i].listener);
}

static void leave(struct change *change)
{
    for (size_t i = 0; i < change->before->count; i++) {
        struct service *old = change->before->services[i];
        struct service *service = successor(change->next, old);
        shut_what_is_left(&old->listeners);
        if (service)
            move_rates(service, old);
    }
}

static void enter(struct server *server, struct generation *next)
{
    for (size_t i = 0; i < next->count; i++)
        tune(server, next->services[i]);
    lock_take(&server->generation_lock);
    server->generation = next;
    lock_release(&server->generation_lock);
}

/* From here on the thread that reloads owns the generation before. */
void swap_take(struct server *server)
{
    struct change *change = handover_take(server->reloads);
    if (!change)
        return;
    const struct config *config = change->next->config;
    leave(change);
    log_set(server->log, config->log_level, config->log_format);
    enter(server, change->next);
    persistent_start(change->next, change->before);
    retired_begin(&server->retired, &change->gone, server->registry,
                  clock_deadline_ms(config->shutdown_timeout_ms));
    handover_done(server->reloads);
}
