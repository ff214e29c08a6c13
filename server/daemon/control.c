#include "server/daemon/control.h"

#include "relay/clock.h"
#include "server/daemon/admin/admin.h"
#include "server/daemon/control/wire.h"
#include "server/daemon/manager.h"
#include "server/daemon/reload.h"
#include "server/daemon/stop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a connection may be silent; how long a successor may take to get ready. */
enum { SILENT_MS = 10000, READY_MS = 120000 };

struct control {
    struct server *server;
    struct listener *listener;
    struct wire wire; /* of the connection, if there is one */
    pid_t peer;
    int64_t deadline_us;       /* of the connection */
    struct generation *handed; /* whose listeners the peer has; NULL: it has none */
};

struct control *control_new(struct server *server, struct listener *listener)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control) {
        listener_close(listener);
        return NULL;
    }
    control->server = server;
    control->listener = listener;
    wire_begin(&control->wire, -1);
    return control;
}

struct listener *control_listener(struct control *control)
{
    return control->listener;
}

/* ---- The connection ------------------------------------------------------------------------ */

static void log_event(struct control *control, enum config_log_level level, const char *key,
                      const char *text)
{
    struct log_field fields[] = {log_text("event", "control"), log_number("pid", control->peer),
                                 log_text(key, text)};
    log_write(control->server->log, level, fields, sizeof(fields) / sizeof(fields[0]));
}

static void end_connection(struct control *control)
{
    if (control->handed)
        log_event(control, CONFIG_LOG_WARNING, "error",
                  "the new process has not taken over: this one goes on");
    generation_release(control->handed);
    control->handed = NULL;
    wire_end(&control->wire);
}

void control_free(struct control *control)
{
    if (!control)
        return;
    generation_release(control->handed);
    wire_end(&control->wire);
    listener_close(control->listener);
    free(control);
}

static bool may_control(const struct ucred *peer)
{
    return peer->uid == 0 || peer->uid == geteuid();
}

static void begin_connection(struct control *control)
{
    struct sockaddr_storage address;
    struct ucred peer = {.pid = 0};
    socklen_t length = sizeof(peer);
    int fd = listener_accept(control->listener, &address);
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || !may_control(&peer)) {
        close(fd);
        return;
    }
    wire_begin(&control->wire, fd);
    control->peer = peer.pid;
    control->deadline_us = clock_deadline_ms(SILENT_MS);
}

/* ---- What is asked ------------------------------------------------------------------------- */

static void send_lines(const struct wire *wire, const char *kind,
                       const struct config_strings *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        (void)wire_send(wire, -1, "%s %s", kind, lines->items[i]);
}

static void reload(struct control *control)
{
    struct config_report report;
    log_event(control, CONFIG_LOG_INFO, "command", "reload");
    bool done = reload_run(control->server, &report);
    send_lines(&control->wire, "warning", &report.warnings);
    send_lines(&control->wire, "error", &report.errors);
    (void)wire_send(&control->wire, -1, done ? "done" : "failed");
    config_report_free(&report);
}

static bool hand_over(const struct control *control, const char *what, const char *name,
                      const struct listener *listener)
{
    bool ours = listener_owner(listener) == LISTENER_OURS;
    return wire_send(&control->wire, listener_fd(listener), "socket %s %s%s",
                     ours ? "ours" : "managers", what, name);
}

static bool hand_over_services(const struct control *control)
{
    bool sent = true;
    for (size_t i = 0; sent && i < control->handed->count; i++) {
        const struct service *service = control->handed->services[i];
        for (size_t k = 0; sent && k < service->listeners.count; k++)
            sent = hand_over(control, "service ", service->config->name,
                             service->listeners.items[k].listener);
    }
    return sent;
}

static bool send_environment(const struct wire *wire)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC"};
    bool sent = true;
    for (size_t i = 0; sent && i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value)
            sent = wire_send(wire, -1, "environment %s=%s", names[i], value);
    }
    return sent;
}

/* Always returns false: then the connection ends. */
static bool refuse(const struct control *control, const char *why)
{
    (void)wire_send(&control->wire, -1, "error %s", why);
    return false;
}

/* False: the connection ends. */
static bool upgrade(struct control *control)
{
    struct server *server = control->server;
    struct listener *admin = admin_listener(server->admin);
    if (control->handed || atomic_load(&server->stops) > 0)
        return refuse(control, "the program is stopping");
    log_event(control, CONFIG_LOG_INFO, "command", "upgrade");
    control->handed = generation_hold(server->generation);
    control->deadline_us = clock_deadline_ms(READY_MS);
    return wire_send(&control->wire, STDERR_FILENO, "log") && send_environment(&control->wire) &&
           hand_over(control, "control", "", control->listener) &&
           (!admin || hand_over(control, "admin", "", admin)) && hand_over_services(control) &&
           wire_send(&control->wire, -1, "end");
}

static void disown_each(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_disown(listeners->items[i].listener);
}

/* What is left to this process are its connections. */
static void give_away(struct control *control)
{
    struct server *server = control->server;
    for (size_t i = 0; i < control->handed->count; i++)
        disown_each(&control->handed->services[i]->listeners);
    admin_give_away(server->admin);
    listener_disown(control->listener);
    listener_shut(control->listener);
    manager_successor(server, control->peer);
}

/* False: the connection is not needed any more. */
static bool replace(struct control *control)
{
    struct server *server = control->server;
    if (!control->handed || control->handed != server->generation)
        return refuse(control, "the configuration was reloaded meanwhile: try again");
    if (atomic_load(&server->stops) > 0)
        return refuse(control, "the program is stopping");
    give_away(control);
    log_event(control, CONFIG_LOG_INFO, "command", "ready");
    (void)wire_send(&control->wire, -1, "stopping");
    generation_release(control->handed);
    control->handed = NULL;
    stop_request(server);
    return false;
}

/* False: the connection ends. */
static bool carry_out(struct control *control, const char *line)
{
    if (strcmp(line, "upgrade") == 0)
        return upgrade(control);
    if (strcmp(line, "ready") == 0)
        return replace(control);
    if (strcmp(line, "reload") == 0)
        reload(control);
    return false;
}

/* ---- Attending ----------------------------------------------------------------------------- */

static void converse(struct control *control)
{
    char line[WIRE_LINE_MAX];
    enum wire_result result = wire_take(&control->wire, line);
    while (result == WIRE_LINE && carry_out(control, line))
        result = wire_take(&control->wire, line);
    if (result != WIRE_NOTHING || clock_now_us() >= control->deadline_us)
        end_connection(control);
}

int64_t control_attend(struct control *control, struct pollfd set[2])
{
    bool stopping = atomic_load(&control->server->stops) > 0;
    if (stopping)
        listener_shut(control->listener);
    else if (control->wire.fd < 0)
        begin_connection(control);
    if (control->wire.fd >= 0)
        converse(control);
    bool busy = control->wire.fd >= 0;
    set[0] = (struct pollfd){.fd = busy ? -1 : listener_fd(control->listener), .events = POLLIN};
    set[1] = (struct pollfd){.fd = control->wire.fd, .events = POLLIN};
    return busy ? control->deadline_us : DEADLINE_NEVER;
}
