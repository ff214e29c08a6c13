#include "server/daemon/dialer.h"

#include "relay/clock.h"
#include "server/daemon/backoff.h"
#include "server/daemon/dialed.h"
#include "server/daemon/report.h"
#include "server/lib/dial/connect.h"

#include <errno.h>
#include <stdlib.h>

/* In the registry, so that stopping waits for it. */
struct dialer {
    struct registry_entry entry;
    actpass_server *server;
    struct service *service;
};

static bool is_stopped(const struct dialer *dialer)
{
    return dial_is_cancelled(dialer->server->stopping_fd);
}

static void wait_or_stop(const struct dialer *dialer, int64_t wait_ms)
{
    struct report report = {.log = dialer->server->log, .service = dialer->service->config->name};
    int64_t until_us = clock_deadline_ms(wait_ms);
    report_retry(&report, wait_ms);
    do {
        struct timespec left;
        struct pollfd set = {.fd = dialer->server->stopping_fd, .events = POLLIN};
        (void)ppoll(&set, 1, clock_left(until_us, &left), NULL); /* the loop looks at the state */
    } while (clock_now_us() < until_us && !is_stopped(dialer));
}

/* A connection that lived for longer than the longest wait has shown that all is well: begin anew
 * with short waits. */
static void keep_up(void *arg)
{
    struct dialer *dialer = arg;
    const struct config_dial *config = &dialer->service->config->dial;
    struct backoff backoff = {.least_ms = config->retry_min_ms, .most_ms = config->retry_max_ms};
    while (!is_stopped(dialer)) {
        int64_t lived_ms = dialed_once(dialer->server, dialer->service);
        if (lived_ms >= config->retry_max_ms)
            backoff_reset(&backoff);
        if (!is_stopped(dialer))
            wait_or_stop(dialer, backoff_next_ms(&backoff));
    }
    registry_remove(dialer->server->registry, &dialer->entry);
    free(dialer);
}

static int start(actpass_server *server, struct service *service)
{
    struct dialer *dialer = calloc(1, sizeof(*dialer));
    if (!dialer)
        return ENOMEM;
    dialer->server = server;
    dialer->service = service;
    dialer->entry.service = service->number;
    registry_add(server->registry, &dialer->entry);
    int error = threads_run(server->conversations, keep_up, dialer);
    if (error != 0) {
        registry_remove(server->registry, &dialer->entry);
        free(dialer);
    }
    return error;
}

bool dialers_start(actpass_server *server)
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
