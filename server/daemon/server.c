/* A server: what it is made of, what it listens at, and what it does when it is told to. */
#include "server/daemon/server.h"

#include "relay/clock.h"
#include "server/daemon/admin/admin.h"
#include "server/daemon/control.h"
#include "server/daemon/current.h"
#include "server/daemon/fleet/fleet.h"
#include "server/daemon/fleet/shares.h"
#include "server/daemon/handed.h"
#include "server/daemon/lines.h"
#include "server/daemon/listening.h"
#include "server/daemon/load.h"
#include "server/daemon/manager.h"
#include "server/daemon/programs/programs.h"
#include "server/daemon/refresh.h"
#include "server/daemon/reload.h"
#include "server/daemon/reload_log.h"
#include "server/daemon/report.h"
#include "server/daemon/spawner/command_list.h"
#include "server/daemon/state.h"
#include "server/daemon/status.h"
#include "server/daemon/stop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- Load ---------------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec wall = {0};
    (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
    return wall.tv_sec * INT64_C(1000) + wall.tv_nsec / 1000000;
}

/* How connections wait. Tests choose it; tests/README.md. */
static enum crew_parking chosen_parking(void)
{
    const char *park = getenv("ACTPASS_TEST_PARK");
    if (park && strcmp(park, "always") == 0)
        return CREW_PARK_ALWAYS;
    return park && strcmp(park, "never") == 0 ? CREW_PARK_NEVER : CREW_PARK_USUAL;
}

static void note_no_thread(void *arg, int error)
{
    struct server *server = arg;
    if (log_limit_note(&server->no_thread))
        report_no_thread(server->log, error);
}

static bool make_parts(struct server *server, const struct config *config, const char *file)
{
    server->began_wall_ms = wall_ms();
    server->file = strdup(file);
    server->log = log_new(config->log_level, config->log_format, STDERR_FILENO);
    server->shared = actpass_config_new();
    server->crew = crew_new(&(struct crew_options){
        .parking = chosen_parking(), .no_thread = note_no_thread, .arg = server});
    server->registry = registry_new();
    server->fleet = fleet_new();
    server->shares = server->fleet ? shares_new(server) : NULL;
    bool counts = config->admin.listen.kind != CONFIG_ADDRESS_NONE;
    server->stats = counts ? stats_new() : NULL;
    server->reloads = handover_new();
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->dialing = actpass_cancel_new();
    server->stopping_fd = server->dialing ? actpass_cancel_fd(server->dialing) : -1;
    return server->file && server->log && server->shared && server->crew && server->registry &&
           server->shares && (server->stats || !counts) && server->reloads &&
           server->stop_fd >= 0 && server->dialing;
}

/* NULL: out of memory. */
static struct server *new_server(void)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return NULL;
    server->stop_fd = server->stopping_fd = -1;
    server->refresh_us = DEADLINE_NEVER;
    if (pthread_mutex_init(&server->generation_lock, NULL) == 0)
        return server;
    free(server);
    return NULL;
}

/* Takes the configuration. */
static bool load(struct server *server, struct config *config, const char *file,
                 struct config_report *report)
{
    if (!make_parts(server, config, file)) {
        config_report_add(report, CONFIG_ERROR, config, "out of memory or descriptors");
        config_free(config);
        return false;
    }
    server->generation = load_generation(server, config, NULL, report);
    return server->generation && load_stats(server, server->generation, report);
}

struct server *server_load(const char *file, struct config_report *report)
{
    struct config *config = load_config(file, NULL, report);
    if (!config)
        return NULL;
    struct server *server = new_server();
    if (!server) {
        config_report_add(report, CONFIG_ERROR, config, "out of memory");
        config_free(config);
        return NULL;
    }
    if (load(server, config, file, report))
        return server;
    server_free(server);
    return NULL;
}

const struct config *server_config(const struct server *server)
{
    return server->generation->config;
}

/* ---- Listen -------------------------------------------------------------------------------- */

/* NULL: nothing was handed over, or, with the reason in the errors, it cannot be used. */
static struct listener *handed_listener(struct server *server, const char *what,
                                        const struct config_address *address,
                                        struct error_text *error)
{
    return server->handed ? handed_take(server->handed, what, address, error) : NULL;
}

/* False, with what is wrong in the report. */
static bool open_admin(struct server *server, struct config_report *report)
{
    const struct config_address *address = &server->generation->config->admin.listen;
    struct error_text error = {.text = ""};
    if (!server->stats)
        return true;
    struct listener *listener = handed_listener(server, "admin", address, &error);
    server->admin =
        admin_new(server, address, &server->generation->config->admin.file, listener, &error);
    if (!server->admin)
        lines_add(&report->errors, "admin: %s", error.text);
    return server->admin;
}

static bool open_control(struct server *server, struct config_report *report)
{
    const struct config_address *address = &server->generation->config->control;
    struct error_text error = {.text = ""};
    if (address->kind == CONFIG_ADDRESS_NONE)
        return true;
    struct listener *listener = handed_listener(server, "control", address, &error);
    if (!listener && error.text[0] == '\0')
        listener = listener_open(address, NULL, &error);
    server->control = listener ? control_new(server, listener) : NULL;
    if (!server->control)
        lines_add(&report->errors, "control: %s", listener ? "out of memory" : error.text);
    return server->control;
}

static bool open_services(struct server *server, int cancel_fd, struct config_report *report)
{
    struct inherited *inherited = manager_sockets(report);
    if (!inherited)
        return false;
    const struct listening_sources sources = {
        .inherited = inherited, .handed = server->handed, .cancel_fd = cancel_fd};
    bool open = listening_open(server->generation, &sources, report);
    open = manager_all_taken(inherited, report) && open;
    inherited_free(inherited);
    return open;
}

bool server_listen(struct server *server, int cancel_fd, struct config_report *report)
{
    struct generation *generation = server->generation;
    config_forget_origin(generation->held->config); /* nothing more is said about values */
    bool open = open_services(server, cancel_fd, report);
    open = open_admin(server, report) && open;
    open = open_control(server, report) && open;
    open = load_make_files(generation, report) && open;
    if (!open) {
        listening_shut(generation);
        return false;
    }
    manager_find(server, report);
    refresh_begin(server, generation, &report->warnings);
    return true;
}

bool server_use_spawner(struct server *server, struct spawner *spawner,
                        struct config_report *report)
{
    if (!command_list_wanted(server->generation->config)) {
        spawner_dismiss(spawner);
        return true;
    }
    server->programs = programs_new(spawner, server->log, report);
    return server->programs;
}

void server_announce(struct server *server, const struct config_report *report)
{
    reload_log_warnings(server->log, &report->warnings);
    if (server->admin)
        admin_start(server->admin);
    load_start(server->generation);
    listening_log(server->generation, server->log);
}

void server_log_status(struct server *server)
{
    struct generation *generation = server_generation(server);
    status_log_totals(server, "status");
    status_log_services(server, generation);
    generation_release(generation);
}

void server_flush_log(struct server *server)
{
    enum { LAST_LINES_MS = 2000 };
    (void)log_flush(server->log, clock_deadline_ms(LAST_LINES_MS));
}

/* ---- Attend, reload, stop -------------------------------------------------------------------- */

int64_t server_attend(struct server *server, struct pollfd polls[SERVER_POLLS])
{
    for (int i = 0; i < SERVER_POLLS; i++)
        polls[i] = (struct pollfd){.fd = -1};
    int64_t control_us =
        server->control ? control_attend(server->control, polls + 1) : DEADLINE_NEVER;
    int64_t refresh_us = refresh_run(server);
    polls[0] = (struct pollfd){.fd = refresh_fd(server), .events = POLLIN};
    return control_us < refresh_us ? control_us : refresh_us;
}

int server_reload(struct server *server)
{
    struct config_report report;
    bool done = reload_run(server, &report);
    config_report_free(&report);
    return done ? 0 : -1;
}

void server_stop(struct server *server)
{
    stop_request(server);
}

/* ---- New and free -------------------------------------------------------------------------- */

struct server *server_new(const char *file, char **errors)
{
    struct config_report report;
    struct server *server = server_load(file, &report);
    if (server && server_listen(server, -1, &report)) {
        server_announce(server, &report);
    } else {
        server_free(server);
        server = NULL;
    }
    if (!server)
        *errors = lines_join(&report.errors);
    config_report_free(&report);
    return server;
}

/* The threads first: they use everything else until their last task has ended. */
void server_free(struct server *server)
{
    if (!server)
        return;
    admin_free(server->admin);
    control_free(server->control);
    handed_free(server->handed);
    crew_free(server->crew);
    programs_free(server->programs);
    watchdog_free(server->watchdog);
    notify_free(server->notify);
    generation_release(server->generation);
    retired_clear(&server->retired);
    shares_free(server->shares);
    fleet_free(server->fleet);
    registry_free(server->registry);
    stats_free(server->stats);
    handover_free(server->reloads);
    watch_free(server->watch);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    actpass_cancel_free(server->dialing);
    actpass_config_free(server->shared);
    sandbox_free(server->sandbox);
    log_free(server->log);
    (void)pthread_mutex_destroy(&server->generation_lock);
    free(server->file);
    free(server);
}
