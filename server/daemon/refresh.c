#include "server/daemon/refresh.h"

#include "relay/clock.h"
#include "server/daemon/fingerprint.h"
#include "server/daemon/lines.h"
#include "server/daemon/recheck.h"
#include "server/daemon/reload_log.h"

#include <errno.h>
#include <string.h>

/* From the first event on, so that a certificate and its key can be written one after the other. */
enum { SETTLE_MS = 1000 };

/* After a failure, which may have been a lack of memory or descriptors. */
enum { RETRY_MS = 60000 };

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
        fingerprint_each_file_of(generation->services[i]->config, watch_one, watcher);
}

/* What has changed since it was loaded, before it was watched, is found by a first look. */
void refresh_begin(struct server *server, const struct generation *generation,
                   struct config_strings *warnings)
{
    struct watcher watcher = {.warnings = warnings};
    watch_free(server->watch);
    server->watch = watcher.watch = watch_new();
    server->refresh_us = clock_deadline_ms(SETTLE_MS);
    if (server->watch)
        watch_all(&watcher, generation);
    else
        warn(&watcher, NULL, errno);
}

/* ---- What has changed ---------------------------------------------------------------------- */

static bool is_stored(const char *key)
{
    return key && strncmp(key, CONFIG_STORE, strlen(CONFIG_STORE)) == 0;
}

/* A token locks after a few wrong PINs: what has failed with it is not tried again as it is. */
static bool has_stored_key(const struct config_tls *tls)
{
    bool found = is_stored(tls->key);
    for (size_t i = 0; i < tls->certificate_count; i++)
        found = found || is_stored(tls->certificates[i].key);
    return found;
}

static bool service_has_stored_key(const struct config_service *service)
{
    bool found = has_stored_key(&service->connection.tls);
    for (size_t i = 0; i < service->route_count; i++)
        found = found || has_stored_key(&service->routes[i].tls);
    return found;
}

/* False: it keeps what it has, which is logged once for each content. */
static bool refresh_service(struct server *server, struct service *service)
{
    struct error_text error = {.text = ""};
    uint64_t now = fingerprint_of_service(service->config);
    if (now == service->fingerprint)
        return true;
    if (now == service->failed_fingerprint && service_has_stored_key(service->config))
        return false;
    if (service_load_settings(service, server->shared, &error)) {
        service->fingerprint = now;
        service->failed_fingerprint = 0;
        reload_log_refreshed(server->log, service);
        recheck_service(server, service);
        return true;
    }
    if (now != service->failed_fingerprint)
        reload_log_not_refreshed(server->log, service, error.text);
    service->failed_fingerprint = now;
    return false;
}

/* Links may lead to other folders by now: watched first, so that no change is missed. Returns when
 * to look again without an event. */
static int64_t refresh_all(struct server *server)
{
    struct watcher watcher = {.watch = server->watch};
    bool all = true;
    if (server->watch)
        watch_all(&watcher, server->generation);
    for (size_t i = 0; i < server->generation->count; i++)
        all = refresh_service(server, server->generation->services[i]) && all;
    return all ? DEADLINE_NEVER : clock_deadline_ms(RETRY_MS);
}

/* While it settles, further events change nothing: not polled, a busy folder costs one look a
 * second. */
int refresh_fd(const struct server *server)
{
    bool settles = server->refresh_us <= clock_deadline_ms(SETTLE_MS);
    return server->watch && !settles ? watch_fd(server->watch) : -1;
}

int64_t refresh_run(struct server *server)
{
    int64_t settled_us = clock_deadline_ms(SETTLE_MS);
    bool sooner = settled_us < server->refresh_us;
    if (server->watch && watch_take(server->watch) && sooner)
        server->refresh_us = settled_us;
    if (clock_now_us() >= server->refresh_us)
        server->refresh_us = refresh_all(server);
    return server->refresh_us;
}
