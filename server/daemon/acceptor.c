#include "server/daemon/acceptor.h"

#include "relay/clock.h"
#include "server/daemon/conversation.h"
#include "server/daemon/dial_service.h"
#include "server/daemon/fleet/plain.h"
#include "server/daemon/room.h"
#include "server/daemon/swap.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

/* How many connections one service may take before the others get their turn. */
enum { BURST = 64 };

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 1000, PAUSE_WHILE_THEY_GO_MS = 10 };

/* Descriptors and memory become free when a connection ends, of which there is no notification:
 * look again soon, and after a longer pause each time that nothing has become free. */
static void pause_service(struct server *server, struct service *service, int error)
{
    service->pause_ms = service->pause_ms == 0 ? PAUSE_MIN_MS : service->pause_ms * 2;
    if (room_after_shortage(server, service))
        service->pause_ms = PAUSE_WHILE_THEY_GO_MS;
    if (service->pause_ms > PAUSE_MAX_MS)
        service->pause_ms = PAUSE_MAX_MS;
    service->paused_until_us = clock_deadline_ms(service->pause_ms);
    if (service->retry_us < service->paused_until_us)
        service->paused_until_us = service->retry_us; /* one can make way then */
    if (log_limit_note(&service->shortage)) {
        struct log_field fields[] = {log_text("service", service->config->name),
                                     log_text("event", "accept_paused"),
                                     log_text("error", strerror(error))};
        log_write(server->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

int acceptor_begin(struct server *server, struct service *service, int fd,
                   const struct sockaddr_storage *address)
{
    struct peer peer;
    if (config_is_plain_gate(service->config))
        return plain_gate_begin(server, service, fd);
    if (service->config->dial.address_count > 0)
        return dial_service_bridge(server, service, fd);
    if (!room_admit(server, service, fd, address, &peer))
        return 0;
    return conversation_begin(server, service, fd, &peer, address);
}

/* False: the rate of all addresses does not allow a connection now. Then the next ones wait in the
 * backlog. */
static bool rate_allows(struct service *service)
{
    int64_t now_us = clock_now_us();
    int64_t next_us = service->rate.burst > 0
                          ? rate_next_us(&service->rate, service->rate_full_us, now_us)
                          : now_us;
    if (next_us > now_us)
        service->paused_until_us = next_us;
    return next_us == now_us;
}

static void count_rate(struct service *service)
{
    if (service->rate.burst > 0)
        (void)rate_take(&service->rate, &service->rate_full_us, clock_now_us());
}

enum accepted {
    ACCEPTED_ONE,
    ACCEPTED_NONE,   /* nobody waits at this listener */
    ACCEPTED_NO_MORE /* who waits has to go on waiting, at any listener of the service */
};

static enum accepted accept_one(struct server *server, struct service *service,
                                struct listener *listener)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    if (!rate_allows(service) || !room_find(server, service))
        return ACCEPTED_NO_MORE;
    int fd = listener_accept(listener, &address);
    int error = fd < 0 ? errno : 0;
    if (error == EAGAIN || error == EWOULDBLOCK) {
        service->full_logged = false; /* there is room again: the next time is logged */
        return ACCEPTED_NONE;
    }
    if (error == 0) {
        count_rate(service);
        error = acceptor_begin(server, service, fd, &address);
    }
    if (error == 0)
        service->pause_ms = 0;
    else
        pause_service(server, service, error);
    return error == 0 ? ACCEPTED_ONE : ACCEPTED_NO_MORE;
}

static enum accepted accept_some(struct server *server, struct service *service,
                                 struct listener *listener)
{
    enum accepted accepted = ACCEPTED_ONE;
    for (int taken = 0; taken < BURST && accepted == ACCEPTED_ONE; taken++)
        accepted = accept_one(server, service, listener);
    return accepted;
}

/* Where there is little room, another listener is the first each time. Whether anybody waits is
 * asked of all listeners, so without room it is asked once only, not for each of them. */
static void accept_anywhere(struct server *server, struct service *service)
{
    size_t count = service->listeners.count;
    size_t first = service->turn++;
    enum accepted accepted = ACCEPTED_NONE;
    for (size_t i = 0; i < count && accepted != ACCEPTED_NO_MORE; i++)
        accepted =
            accept_some(server, service, service->listeners.items[(first + i) % count].listener);
}

/* What is polled besides the listeners. */
enum { POLL_STOP, POLL_REGISTRY, POLL_RELOADS };

/* Fills the poll set. Returns the time at which the first pause ends. */
static int64_t choose_polls(struct server *server)
{
    struct generation *generation = server->generation;
    struct pollfd *polls = generation->polls;
    int64_t now_us = clock_now_us();
    int64_t wake_us = DEADLINE_NEVER;
    bool any_waits = false;
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        bool paused = service->paused_until_us > now_us;
        if (paused && service->paused_until_us < wake_us)
            wake_us = service->paused_until_us;
        if (!paused && service->retry_us < wake_us)
            wake_us = service->retry_us;
        any_waits = any_waits || service->waiting;
    }
    for (size_t i = 0; i < generation->spot_count; i++) {
        const struct generation_spot *spot = &generation->spots[i];
        bool off = spot->service->paused_until_us > now_us || spot->service->waiting;
        polls[GENERATION_OWN_POLLS + i] =
            (struct pollfd){.fd = off ? -1 : listener_fd(spot->listener), .events = POLLIN};
    }
    int registry_fd = any_waits ? registry_watch_fd(server->registry) : -1;
    polls[POLL_STOP] = (struct pollfd){.fd = server->stop_fd, .events = POLLIN};
    polls[POLL_REGISTRY] = (struct pollfd){.fd = registry_fd, .events = POLLIN};
    polls[POLL_RELOADS] = (struct pollfd){.fd = handover_fd(server->reloads), .events = POLLIN};
    return wake_us;
}

/* Looks for room in the services that had none, and for the next connection to make way. The
 * notification is requested before the counts are read, so no removal is missed. */
static void retry(struct server *server)
{
    const struct generation *generation = server->generation;
    int64_t now_us = clock_now_us();
    bool any = false;
    for (size_t i = 0; i < generation->count; i++)
        any = any || generation->services[i]->waiting;
    if (any)
        registry_watch(server->registry);
    for (size_t i = 0; i < generation->count; i++) {
        struct service *service = generation->services[i];
        bool due = service->waiting || service->retry_us <= now_us;
        if (due && service->paused_until_us <= now_us)
            accept_anywhere(server, service);
    }
}

static int64_t earlier(int64_t one_us, int64_t other_us)
{
    return one_us < other_us ? one_us : other_us;
}

/* Waits for a listener or for anything else that is due. True: look at the poll set. */
static bool wait_for_events(struct server *server)
{
    struct timespec left;
    int64_t wake_us = choose_polls(server);
    wake_us = earlier(wake_us, retired_tick(&server->retired, server->registry));
    wake_us = earlier(wake_us, watchdog_tick(server->watchdog));
    int ready =
        ppoll(server->generation->polls, GENERATION_OWN_POLLS + server->generation->spot_count,
              clock_left(wake_us, &left), NULL);
    if (ready < 0 && errno != EINTR) { /* ENOMEM: do not loop without a pause */
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0,
                              &(struct timespec){.tv_nsec = PAUSE_MIN_MS * 1000000L}, NULL);
    }
    return ready > 0;
}

/* A connection that arrives does not interrupt the thread that serves the ones before it, on the
 * same processor: two context switches less for each, and several are accepted at once
 * (SCHED_BATCH, sched(7)). Where that is not possible, or the administrator has chosen another
 * policy, nothing changes. */
static void let_others_finish(void)
{
    struct sched_param none = {.sched_priority = 0};
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

void acceptor_run(struct server *server)
{
    let_others_finish();
    while (atomic_load(&server->stops) == 0) {
        retry(server);
        bool ready = wait_for_events(server);
        const struct generation *generation = server->generation;
        for (size_t i = 0; ready && i < generation->spot_count; i++)
            if (generation->polls[GENERATION_OWN_POLLS + i].revents != 0)
                (void)accept_some(server, generation->spots[i].service,
                                  generation->spots[i].listener);
        if (ready && generation->polls[POLL_RELOADS].revents != 0)
            swap_take(server);
    }
}
