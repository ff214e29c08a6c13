#include "server/daemon/refresh.h"

#include "relay/clock.h"
#include "server/daemon/fingerprint.h"
#include "server/daemon/reload_log.h"

#include <errno.h>
#include <string.h>

/* From the first event on, so that a certificate and its key can be written one after the other. */
enum { SETTLE_MS = 1000 };

/* ---- What is watched ----------------------------------------------------------------------- */

/* ARG: the server. */
static void watch_one(const char *path, void *arg)
{
    struct server *server = arg;
    if (server->watch && !watch_file(server->watch, path) && errno != ENOENT && errno != ENOTDIR)
        reload_log_unwatched(server->log, path, errno);
}

static void watch_all(struct server *server)
{
    const struct generation *generation = server->generation;
    for (size_t i = 0; i < generation->count; i++)
        fingerprint_each_file(&generation->services[i]->config->connection.tls, watch_one, server);
}

void refresh_begin(struct server *server)
{
    watch_free(server->watch);
    server->watch = watch_new();
    server->refresh_us = DEADLINE_NEVER;
    if (server->watch)
        watch_all(server);
    else
        reload_log_unwatched(server->log, NULL, errno);
}

/* ---- What has changed ---------------------------------------------------------------------- */

static void refresh_service(struct server *server, struct service *service)
{
    struct error_text error = {.text = ""};
    uint64_t now = fingerprint_of(&service->config->connection.tls);
    if (now == service->fingerprint || now == service->failed_fingerprint)
        return;
    if (service_load_settings(service, server->shared, &error)) {
        service->fingerprint = now;
        service->failed_fingerprint = 0;
        reload_log_refreshed(server->log, service);
    } else {
        service->failed_fingerprint = now;
        reload_log_not_refreshed(server->log, service, error.text);
    }
}

/* Links may lead to other folders by now. */
static void refresh_all(struct server *server)
{
    for (size_t i = 0; i < server->generation->count; i++)
        refresh_service(server, server->generation->services[i]);
    watch_all(server);
}

int refresh_fd(const struct server *server)
{
    return server->watch ? watch_fd(server->watch) : -1;
}

int64_t refresh_run(struct server *server)
{
    if (server->watch && watch_take(server->watch) && server->refresh_us == DEADLINE_NEVER)
        server->refresh_us = clock_deadline_ms(SETTLE_MS);
    if (clock_now_us() >= server->refresh_us) {
        server->refresh_us = DEADLINE_NEVER;
        refresh_all(server);
    }
    return server->refresh_us;
}
