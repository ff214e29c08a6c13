#include "server/daemon/sources.h"

#include "server/daemon/lines.h"
#include "server/lib/dial/source.h"

#include <errno.h>
#include <stdio.h>

/* Each source of a service, with the place where it is written. */
typedef void see_source(size_t service, const char *key, const struct config_source *source,
                        void *arg);

static void each_of(const struct config *config, size_t number, see_source *see, void *arg)
{
    const struct config_service *service = &config->services[number];
    char key[64];
    see(number, "dial_source", &service->dial.source, arg);
    see(number, "as_server/source", &service->as_server.forward.source, arg);
    see(number, "as_client/source", &service->as_client.forward.source, arg);
    for (size_t i = 0; i < service->route_count; i++) {
        (void)snprintf(key, sizeof(key), "routes/%zu/source", i);
        see(number, key, &service->routes[i].handler.forward.source, arg);
    }
}

static void see_need(size_t service, const char *key, const struct config_source *source, void *arg)
{
    bool *needs = arg;
    (void)service;
    (void)key;
    *needs = *needs || source->mark != 0 || source->transparent;
}

bool sources_need_net_raw(const struct config *config)
{
    bool needs = false;
    for (size_t i = 0; i < config->service_count; i++)
        each_of(config, i, see_need, &needs);
    return needs;
}

struct checking {
    const struct config *config;
    enum config_severity denied;
    struct config_report *report;
};

/* Else it is a handler's for both roles. */
static bool is_written(const struct config *config, size_t service, const char *key)
{
    return config->origin && config_has_place(config, service, key);
}

/* Once the places are forgotten, the service alone is named. */
static void add(const struct checking *checking, enum config_severity severity, size_t service,
                const char *key, const char *why)
{
    struct config_report *report = checking->report;
    const char *name = checking->config->services[service].name;
    if (checking->config->origin)
        config_report_add_at(report, severity, checking->config, service,
                             is_written(checking->config, service, key) ? key : "source", "%s",
                             why);
    else if (severity == CONFIG_ERROR)
        lines_add(&report->errors, "service \"%s\": %s", name, why);
    else
        lines_add(&report->warnings, "service \"%s\": warning: %s", name, why);
}

/* A handler that is written once is for both roles, and is tried as that of the server. */
static void see(size_t service, const char *key, const struct config_source *source, void *arg)
{
    const struct checking *checking = arg;
    const struct config_service *config = &checking->config->services[service];
    struct error_text error = {.text = ""};
    bool again = source == &config->as_client.forward.source &&
                 config->as_server.kind == CONFIG_HANDLER_FORWARD &&
                 !is_written(checking->config, service, key);
    int failed = again ? 0 : source_probe(source, &error);
    if (failed != 0)
        add(checking, failed == EPERM ? checking->denied : CONFIG_WARNING, service, key,
            error.text);
}

void sources_check(const struct config *config, enum config_severity denied,
                   struct config_report *report)
{
    struct checking checking = {.config = config, .denied = denied, .report = report};
    for (size_t i = 0; i < config->service_count; i++)
        each_of(config, i, see, &checking);
}
