#include "server/daemon/server.h"

#include "relay/clock.h"
#include "server/daemon/acceptor.h"
#include "server/daemon/certificates.h"
#include "server/daemon/lines.h"
#include "server/daemon/manager.h"
#include "server/daemon/persistent.h"
#include "server/daemon/report.h"
#include "server/daemon/room.h"
#include "server/daemon/state.h"
#include "server/lib/dial/fast_open_system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- Load ---------------------------------------------------------------------------------- */

/* On failure service_count is the number of those that were initialised. */
static bool make_services(struct server *server)
{
    const struct config *config = server->config;
    server->services = calloc(config->service_count, sizeof(server->services[0]));
    server->service_count = 0;
    while (server->services && server->service_count < config->service_count) {
        size_t i = server->service_count;
        if (!service_init(&server->services[i], i, &config->services[i]))
            return false;
        server->services[i].log = server->log;
        server->service_count++;
    }
    return server->services;
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

static bool make_parts(struct server *server)
{
    size_t count = server->config->service_count;
    server->log = log_new(server->config->log_level, server->config->log_format, STDERR_FILENO);
    server->shared = actpass_config_new();
    server->crew = crew_new(&(struct crew_options){
        .parking = chosen_parking(), .no_thread = note_no_thread, .arg = server});
    server->registry = registry_new(count);
    server->polls = calloc(count + SERVER_OWN_POLLS, sizeof(server->polls[0]));
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->dialing = actpass_cancel_new();
    server->stopping_fd = server->dialing ? actpass_cancel_fd(server->dialing) : -1;
    return make_services(server) && server->log && server->shared && server->crew &&
           server->registry && server->polls && server->stop_fd >= 0 && server->dialing;
}

static void warn_of_fast_open(const struct server *server, const struct service *service,
                              struct config_report *report)
{
    const struct config_service *config = service->config;
    enum config_dialer dialer = config->dial.address_count > 0 ? CONFIG_WE_DIAL : CONFIG_PEER_DIALS;
    const char *why = config->connection.tcp_fast_open ? fast_open_forbidden_here(dialer) : NULL;
    if (why)
        config_report_add_at(report, CONFIG_WARNING, server->config, service->number,
                             "tcp_fast_open", "%s", why);
}

static void report_short(const struct server *server, struct config_report *report)
{
    config_report_add(report, CONFIG_ERROR, server->config, "out of memory");
}

/* False, with what is wrong in the report. */
static bool load_hints(const struct server *server, struct service *service,
                       struct config_report *report)
{
    if (!hints_used(service->config))
        return true;
    service->hints = hints_new(service->config);
    if (!service->hints)
        report_short(server, report);
    return service->hints;
}

static bool load_settings(struct server *server, struct service *service,
                          struct config_report *report)
{
    struct error_text error = {.text = ""};
    struct config_report notes = {.warnings = {0}};
    service->notes = &notes.warnings;
    bool loaded = service_load_settings(service, server->shared, &error);
    service->notes = NULL;
    for (size_t i = 0; i < notes.warnings.count; i++)
        config_report_add(report, CONFIG_WARNING, server->config, "%s", notes.warnings.items[i]);
    config_report_free(&notes);
    if (!loaded)
        certificates_report(report, server->config, service->number, error.text);
    return loaded;
}

static bool load_handlers(const struct server *server, struct service *service,
                          struct config_report *report)
{
    struct error_text error = {.text = ""};
    bool loaded = service_load_handlers(service, &error);
    if (!loaded)
        config_report_add_at(report, CONFIG_ERROR, server->config, service->number, "", "%s",
                             error.text);
    return loaded;
}

/* False also when memory is too short for the error itself. */
static bool load_services(struct server *server, struct config_report *report)
{
    bool loaded = true;
    for (size_t i = 0; i < server->service_count; i++) {
        struct service *service = &server->services[i];
        loaded = load_settings(server, service, report) && loaded;
        loaded = load_handlers(server, service, report) && loaded;
        loaded = load_hints(server, service, report) && loaded;
        warn_of_fast_open(server, service, report);
    }
    if (!room_load(server, report)) {
        loaded = false;
        report_short(server, report);
    }
    return loaded;
}

/* The configuration, if it and the files that it names are good. */
static struct config *load_config(const char *file, struct config_report *report)
{
    struct config *config = config_load_all(file, report);
    if (config)
        certificates_check(config, report);
    if (config && report->errors.count == 0)
        return config;
    config_free(config);
    return NULL;
}

static bool load_parts(struct server *server, struct config_report *report)
{
    if (make_parts(server))
        return load_services(server, report);
    config_report_add(report, CONFIG_ERROR, server->config, "out of memory or descriptors");
    return false;
}

struct server *server_load(const char *file, struct config_report *report)
{
    struct config *config = load_config(file, report);
    if (!config)
        return NULL;
    struct server *server = calloc(1, sizeof(*server));
    if (!server) {
        config_report_add(report, CONFIG_ERROR, config, "out of memory");
        config_free(config);
        return NULL;
    }
    server->config = config;
    server->stop_fd = server->stopping_fd = -1;
    bool loaded = load_parts(server, report);
    if (!loaded || report->errors.count > 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

/* ---- Listen -------------------------------------------------------------------------------- */

static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->service_count; i++) {
        listener_close(server->services[i].listener);
        server->services[i].listener = NULL;
    }
}

static void log_listening(struct server *server, const struct config_strings *warnings)
{
    for (size_t i = 0; i < warnings->count; i++) {
        struct log_field fields[] = {log_text("event", "configuration"),
                                     log_text("warning", warnings->items[i])};
        log_write(server->log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
    }
    for (size_t i = 0; i < server->service_count; i++) {
        const struct service *service = &server->services[i];
        if (!service->listener)
            continue;
        struct log_field fields[] = {log_text("event", "listening"),
                                     log_text("service", server->config->services[i].name),
                                     log_text("address", listener_address(service->listener))};
        log_write(server->log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

/* NULL: the service only dials. */
static const struct config_address *address_to_listen_on(const struct config_service *service)
{
    const struct config_address *address =
        service->dial.address_count > 0 ? &service->dial.listen_plain : &service->listen;
    return address->kind == CONFIG_ADDRESS_NONE ? NULL : address;
}

/* False, with what is wrong added to the errors. */
static bool listen_for(struct service *service, struct inherited *inherited,
                       struct config_report *report)
{
    const struct config_service *config = service->config;
    const struct config_address *address = address_to_listen_on(config);
    struct error_text error = {.text = ""};
    if (!address)
        return true;
    int fd = inherited_take(inherited, config->name, address, &error);
    if (fd >= 0)
        service->listener = listener_adopt(fd, &error);
    else if (error.text[0] == '\0')
        service->listener = listener_open(address, &error);
    if (!service->listener) {
        lines_add(&report->errors, "service \"%s\": %s", config->name, error.text);
        return false;
    }
    bool fast_open = config->connection.tcp_fast_open && config->dial.address_count == 0;
    int failed = fast_open ? listener_fast_open(service->listener, config->tcp_fast_open_queue) : 0;
    if (failed != 0) {
        lines_add(&report->warnings, "service \"%s\": warning: tcp_fast_open is not available: %s",
                  config->name, strerror(failed));
    }
    return true;
}

const struct config *server_config(const struct server *server)
{
    return server->config;
}

bool server_listen(struct server *server, struct config_report *report)
{
    config_forget_origin(server->config); /* nothing more is said about values */
    struct inherited *inherited = manager_sockets(report);
    bool open = inherited;
    for (size_t i = 0; inherited && i < server->service_count; i++)
        open = listen_for(&server->services[i], inherited, report) && open;
    open = inherited && manager_all_taken(inherited, report) && open;
    inherited_free(inherited);
    if (!open) {
        close_listeners(server);
        return false;
    }
    manager_find(server, report);
    return true;
}

void server_announce(struct server *server, const struct config_report *report)
{
    log_listening(server, &report->warnings);
}

/* ---- Run and drain ------------------------------------------------------------------------- */

static int64_t refused_of(struct counters *counters)
{
    int64_t refused = 0;
    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        refused += (int64_t)atomic_load(&counters->refused[i]);
    return refused;
}

static void log_totals(struct server *server, const char *event)
{
    struct throttle *throttle = log_throttle(server->log);
    bool written = throttle && log_enabled(server->log, CONFIG_LOG_INFO);
    unsigned long suppressed = written ? throttle_take_suppressed(throttle) : 0;
    struct counters *counters = &server->counters;
    struct log_field fields[] = {
        log_text("event", event),
        log_number("open", (int64_t)registry_open(server->registry)),
        log_number("accepted", (int64_t)atomic_load(&counters->accepted)),
        log_number("dialed", (int64_t)atomic_load(&counters->dialed)),
        log_number("closed_before_first_byte",
                   (int64_t)atomic_load(&counters->closed_before_first_byte)),
        log_number("no_role", (int64_t)atomic_load(&counters->no_role)),
        log_number("dropped", (int64_t)atomic_load(&counters->dropped)),
        log_number("refused", refused_of(counters)),
        log_number("made_way", (int64_t)atomic_load(&counters->made_way)),
        log_number("suppressed", (int64_t)suppressed),
    };
    size_t count = sizeof(fields) / sizeof(fields[0]);
    log_write(server->log, CONFIG_LOG_INFO, fields, suppressed > 0 ? count : count - 1);
}

void server_log_status(struct server *server)
{
    log_totals(server, "status");
    for (size_t i = 0; i < server->service_count; i++) {
        struct log_field fields[] = {
            log_text("event", "status"), log_text("service", server->config->services[i].name),
            log_number("connections", (int64_t)registry_service_open(server->registry, i))};
        log_write(server->log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

/* On a service that waits for the first byte without a limit, aborts peers that have sent nothing:
 * they lose nothing, and would only use up the shutdown timeout. Other undecided connections are
 * decided soon. */
static void abort_waiting_for_ever(struct server *server)
{
    for (size_t i = 0; i < server->service_count; i++)
        if (server->services[i].config->connection.initial_data_timeout_ms < 0)
            (void)registry_abort_undecided(server->registry, i);
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
    int64_t deadline_us = clock_deadline_ms(server->config->shutdown_timeout_ms);
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

int server_run(struct server *server)
{
    bool dialing = persistent_start(server);
    if (dialing) {
        manager_ready(server);
        acceptor_run(server);
    }
    manager_stopping(server);
    atomic_fetch_add(&server->stops, dialing ? 0 : 1);
    close_listeners(server);
    stop_waiting(server);
    log_totals(server, "stopping");
    int status = drain(server);
    log_totals(server, "stopped");
    return dialing ? status : -1;
}

void server_stop(struct server *server)
{
    int saved = errno;
    uint64_t one = 1;
    atomic_fetch_add(&server->stops, 1);
    ssize_t written = write(server->stop_fd, &one, sizeof(one));
    (void)written; /* fails only if the notification is pending already */
    errno = saved;
}

/* ---- New and free -------------------------------------------------------------------------- */

struct server *server_new(const char *file, char **errors)
{
    struct config_report report;
    struct server *server = server_load(file, &report);
    if (server && !server_listen(server, &report)) {
        server_free(server);
        server = NULL;
    }
    if (server)
        server_announce(server, &report);
    else
        *errors = lines_join(&report.errors);
    config_report_free(&report);
    return server;
}

/* The threads first: they use everything else until their last task has ended. */
void server_free(struct server *server)
{
    if (!server)
        return;
    crew_free(server->crew);
    watchdog_free(server->watchdog);
    notify_free(server->notify);
    for (size_t i = 0; i < server->service_count; i++)
        service_release(&server->services[i]);
    registry_free(server->registry);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    actpass_cancel_free(server->dialing);
    actpass_config_free(server->shared);
    free(server->polls);
    free(server->services);
    sandbox_free(server->sandbox);
    log_free(server->log);
    config_free(server->config);
    free(server);
}
