#include "server/daemon/manager.h"

#include "server/daemon/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void manager_find(struct server *server, struct config_report *report)
{
    const struct notify_environment environment = {
        .notify_socket = getenv("NOTIFY_SOCKET"),
        .watchdog_usec = getenv("WATCHDOG_USEC"),
        .watchdog_pid = getenv("WATCHDOG_PID"),
    };
    struct error_text error = {.text = ""};
    server->notify = notify_new(&environment, &error);
    if (error.text[0] != '\0')
        lines_add(&report->warnings, "warning: the service manager is not notified: %s",
                  error.text);
}

struct inherited *manager_sockets(struct config_report *report)
{
    const struct inherited_environment environment = {
        .listen_pid = getenv("LISTEN_PID"),
        .listen_fds = getenv("LISTEN_FDS"),
        .listen_fdnames = getenv("LISTEN_FDNAMES"),
        .first = INHERITED_FIRST,
    };
    struct error_text error = {.text = ""};
    struct inherited *inherited = inherited_new(&environment, &error);
    if (!inherited)
        lines_add(&report->errors, "sockets of the service manager: %s", error.text);
    return inherited;
}

bool manager_all_taken(const struct inherited *inherited, struct config_report *report)
{
    const char *left = inherited_left(inherited);
    if (left)
        lines_add(
            &report->errors,
            "the service manager passes a socket named \"%s\", and no service of that name "
            "listens: write FileDescriptorName= with the name of a service in the socket unit",
            left);
    return !left;
}

static void log_failure(struct server *server, int error)
{
    struct log_field fields[] = {log_text("event", "notify"), log_text("error", strerror(error))};
    if (error != 0)
        log_write(server->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}

void manager_ready(struct server *server)
{
    server->watchdog = watchdog_new(server->notify, server->crew);
    if (!server->watchdog)
        log_failure(server, errno);
    log_failure(server, notify_ready(server->notify, "accepts connections"));
}

void manager_reloading(struct server *server)
{
    log_failure(server, notify_reloading(server->notify, "loads the configuration again"));
}

void manager_reloaded(struct server *server, const char *why)
{
    char status[384];
    if (why)
        (void)snprintf(
            status, sizeof(status),
            "accepts connections with the configuration of before, since the last reload "
            "failed: %s",
            why);
    else
        (void)snprintf(status, sizeof(status),
                       "accepts connections; the configuration was loaded again");
    log_failure(server, notify_ready(server->notify, status));
}

void manager_stopping(struct server *server)
{
    char status[128];
    watchdog_stop(server->watchdog);
    if (atomic_load(&server->replaced))
        return;
    (void)snprintf(
        status, sizeof(status), "waits for %zu connections to close, %" PRId64 " s at most",
        registry_open(server->registry), server->generation->config->shutdown_timeout_ms / 1000);
    log_failure(server, notify_stopping(server->notify, status));
}

void manager_successor(struct server *server, pid_t pid)
{
    atomic_store(&server->replaced, true);
    log_failure(server, notify_main_pid(server->notify, pid));
}
