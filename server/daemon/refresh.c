#include "server/daemon/refresh.h"

#include "relay/clock.h"
#include "server/daemon/fingerprint.h"
#include "server/daemon/lines.h"
#include "server/daemon/reload_log.h"

#include <errno.h>
#include <string.h>

/* From the first event on, so that a certificate and its key can be written one after the other. */
enum { SETTLE_MS = 1000 };

/* ---- What is watched ----------------------------------------------------------------------- */

struct watcher {
    struct watch *watch;
    struct config_strings *warnings; /* NULL: nobody is told */
    bool warned;
};

static void warn(struct watcher *watcher, const char *path, int error)
{
    if (watcher->warnings && !watcher->warned)
        lines_add(watcher->warnings,
                  "warning: changes in certificates and keys are loaded only at a reload: %s%s%s",
                  path ? path : "", path ? " cannot be watched: " : "", strerror(error));
    watcher->warned = true;
}

/* A file that is not there, such as a credential of the service manager, is no reason to warn. */
static void watch_one(const char *path, void *arg)
{
    struct watcher *watcher = arg;
    if (!watch_file(watcher->watch, path) && errno != ENOENT && errno != ENOTDIR)
        warn(watcher, path, errno);
}

static void watch_all(struct watcher *watcher, const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        fingerprint_each_file(&generation->services[i]->config->connection.tls, watch_one, watcher);
}

void refresh_begin(struct server *server, const struct generation *generation,
                   struct config_strings *warnings)
{
    struct watcher watcher = {.warnings = warnings};
    watch_free(server->watch);
    server->watch = watcher.watch = watch_new();
    server->refresh_us = DEADLINE_NEVER;
    if (server->watch)
        watch_all(&watcher, generation);
    else
        warn(&watcher, NULL, errno);
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
    struct watcher watcher = {.watch = server->watch};
    for (size_t i = 0; i < server->generation->count; i++)
        refresh_service(server, server->generation->services[i]);
    watch_all(&watcher, server->generation);
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
