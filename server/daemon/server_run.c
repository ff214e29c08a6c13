/* A server runs: it serves until it is stopped, then waits for its connections to end. */
#include "server/daemon/server.h"

#include "relay/clock.h"
#include "server/daemon/acceptor.h"
#include "server/daemon/crew/crew.h"
#include "server/daemon/fleet/shares.h"
#include "server/daemon/listening.h"
#include "server/daemon/manager.h"
#include "server/daemon/persistent.h"
#include "server/daemon/programs/programs.h"
#include "server/daemon/report.h"
#include "server/daemon/state.h"
#include "server/daemon/status.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* On a service that waits for the first byte without a limit, aborts peers that have sent nothing:
 * they lose nothing, and would only use up the shutdown timeout. Other undecided connections are
 * decided soon. */
static void abort_waiting_for_ever(struct server *server)
{
    const struct generation *generation = server->generation;
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        if (service->config->connection.initial_data_timeout_ms < 0)
            (void)registry_abort_undecided(server->registry, service->connections);
    }
}

/* Waits for the last connection to end. False at the deadline or at STOPS calls to stop. */
static bool wait_for_all(struct server *server, int64_t deadline_us, unsigned stops)
{
    for (;;) {
        struct timespec left;
        uint64_t signs;
        ssize_t got = read(server->stop_fd, &signs, sizeof(signs));
        (void)got; /* EAGAIN: no notification was pending */
        registry_watch(server->registry);
        if (registry_count(server->registry) == 0)
            return true;
        if (clock_now_us() >= deadline_us || atomic_load(&server->stops) >= stops)
            return false;
        struct pollfd set[] = {{.fd = server->stop_fd, .events = POLLIN},
                               {.fd = registry_watch_fd(server->registry), .events = POLLIN}};
        (void)ppoll(set, 2, clock_left(deadline_us, &left), NULL); /* the loop looks at the state */
    }
}

static int drain(struct server *server)
{
    int64_t deadline_us = clock_deadline_ms(server->generation->config->shutdown_timeout_ms);
    abort_waiting_for_ever(server);
    if (wait_for_all(server, deadline_us, 2))
        return 0;
    size_t cut = registry_abort_all(server->registry);
    (void)wait_for_all(server, DEADLINE_NEVER, UINT32_MAX);
    return cut > 0 ? 1 : 0;
}

/* No new connections are dialed, and those that only wait for a next request close. */
static void stop_waiting(struct server *server)
{
    atomic_store(&server->stopping, true);
    actpass_cancel_now(server->dialing);
    registry_wake_all(server->registry);
}

/* False: the log says why. */
static bool start_threads(struct server *server)
{
    int error = server->programs ? programs_run(server->programs) : 0;
    if (error != 0)
        report_no_thread(server->log, error);
    return error == 0 && crew_begin(server->crew);
}

/* Nothing is accepted any more, and nothing is reloaded. False: it could not begin to serve. */
static bool serve(struct server *server)
{
    bool begun = start_threads(server) && persistent_prepare(server, server->generation, NULL);
    if (begun) {
        persistent_start(server->generation, NULL);
        shares_update(server->shares, server->generation);
        manager_ready(server);
        acceptor_run(server);
    } else {
        persistent_discard(server->generation);
        atomic_fetch_add(&server->stops, 1);
    }
    handover_close(server->reloads);
    return begun;
}

int server_run(struct server *server)
{
    bool served = serve(server);
    manager_stopping(server);
    listening_shut(server->generation);
    stop_waiting(server);
    shares_stop(server->shares);
    status_log_totals(server, "stopping");
    int status = drain(server);
    status_log_totals(server, "stopped");
    return served ? status : -1;
}

static bool has_ended_well(const struct server *server)
{
    int end = atomic_load(&server->counters.last_end);
    return end == ACTPASS_CLEAN || end == ACTPASS_UNUSED;
}

int server_run_one(struct server *server, struct service *service, int fd,
                   const struct sockaddr_storage *address)
{
    bool ready = start_threads(server);
    handover_close(server->reloads); /* nothing is reloaded */
    if (!ready)
        close(fd);
    int error = ready ? acceptor_begin(server, service, fd, address) : EAGAIN;
    bool ended = wait_for_all(server, DEADLINE_NEVER, 1);
    stop_waiting(server);
    int cut = ended ? 0 : drain(server);
    if (cut > 0)
        return 1;
    return error == 0 && has_ended_well(server) ? 0 : -1;
}
