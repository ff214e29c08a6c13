#include "server/daemon/status.h"

static int64_t refused_of(struct counters *counters)
{
    int64_t refused = 0;
    for (size_t i = 0; i < REFUSAL_COUNT; i++)
        refused += (int64_t)atomic_load(&counters->refused[i]);
    return refused;
}

void status_log_totals(struct server *server, const char *event)
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

void status_log_services(struct server *server, const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        size_t open = registry_service_open(server->registry, service->connections);
        struct log_field fields[] = {log_text("event", "status"),
                                     log_text("service", service->config->name),
                                     log_number("connections", (int64_t)open)};
        log_write(server->log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
    }
}
