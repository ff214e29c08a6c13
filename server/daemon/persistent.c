#include "server/daemon/persistent.h"

#include "relay/clock.h"
#include "server/daemon/backoff.h"
#include "server/daemon/dial_service.h"
#include "server/daemon/report.h"
#include "server/lib/dial/wait.h"

#include <errno.h>
#include <stdlib.h>

/* In the registry, so that stopping waits for it. */
struct persistent {
    struct registry_entry entry;
    struct server *server;
    struct service *service;
};

static bool is_stopped(const struct persistent *persistent)
{
    return dial_is_cancelled(persistent->server->stopping_fd);
}

static void wait_or_stop(const struct persistent *persistent, int64_t wait_ms)
{
    struct report report = {.log = persistent->server->log,
                            .service = persistent->service->config->name};
    int64_t until_us = clock_deadline_ms(wait_ms);
    report_retry(&report, wait_ms);
    do {
        struct timespec left;
        struct pollfd set = {.fd = persistent->server->stopping_fd, .events = POLLIN};
        (void)ppoll(&set, 1, clock_left(until_us, &left), NULL); /* the loop looks at the state */
    } while (clock_now_us() < until_us && !is_stopped(persistent));
}

/* After a connection that lasted longer than the max wait, the waits are short again. */
static void keep_up(void *arg)
{
    struct persistent *persistent = arg;
    const struct config_dial *config = &persistent->service->config->dial;
    struct backoff backoff = {.min_ms = config->retry_min_ms, .max_ms = config->retry_max_ms};
    while (!is_stopped(persistent)) {
        int64_t lived_ms = dial_service_once(persistent->server, persistent->service);
        if (lived_ms >= config->retry_max_ms)
            backoff_reset(&backoff);
        if (!is_stopped(persistent))
            wait_or_stop(persistent, backoff_next_ms(&backoff));
    }
    registry_remove(persistent->server->registry, &persistent->entry);
    free(persistent);
}

static int start(struct server *server, struct service *service)
{
    struct persistent *persistent = calloc(1, sizeof(*persistent));
    if (!persistent)
        return ENOMEM;
    persistent->server = server;
    persistent->service = service;
    persistent->entry.service = service->number;
    registry_add(server->registry, &persistent->entry);
    int error = threads_run(server->conversations, keep_up, persistent);
    if (error != 0) {
        registry_remove(server->registry, &persistent->entry);
        free(persistent);
    }
    return error;
}

bool persistent_start(struct server *server)
{
    for (size_t i = 0; i < server->service_count; i++) {
        struct service *service = &server->services[i];
        int error = service->config->dial.persistent ? start(server, service) : 0;
        if (error != 0) {
            struct report report = {.log = server->log, .service = service->config->name};
            report_dropped(&report, error);
            return false;
        }
    }
    return true;
}
