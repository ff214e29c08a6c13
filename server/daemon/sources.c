#include "server/daemon/sources.h"

#include "server/daemon/lines.h"
#include "server/lib/dial/source.h"

#include <errno.h>
#include <stdio.h>

/* Each source of a service, with the place where it is written: PREFIX and KEY. */
typedef void see_source(size_t service, const char *prefix, const char *key,
                        const struct config_source *source, void *arg);

static void of_handler(size_t number, const char *prefix, const struct config_handler *handler,
                       see_source *see, void *arg)
{
    if (handler->kind == CONFIG_HANDLER_PROXY)
        see(number, prefix, "proxy/source", &handler->proxy.source, arg);
    else
        see(number, prefix, "source", &handler->forward.source, arg);
}

static void each_of(const struct config *config, size_t number, see_source *see, void *arg)
{
    const struct config_service *service = &config->services[number];
    char prefix[64];
    see(number, "", "dial_source", &service->dial.source, arg);
    of_handler(number, "as_server/", &service->as_server, see, arg);
    of_handler(number, "as_client/", &service->as_client, see, arg);
    for (size_t i = 0; i < service->route_count; i++) {
        (void)snprintf(prefix, sizeof(prefix), "routes/%zu/", i);
        of_handler(number, prefix, &service->routes[i].handler, see, arg);
    }
}

static void see_need(size_t service, const char *prefix, const char *key,
                     const struct config_source *source, void *arg)
{
    bool *needs = arg;
    (void)service;
    (void)prefix;
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

struct place_text {
    char text[96];
};

static struct place_text join(const char *prefix, const char *key)
{
    struct place_text place;
    (void)snprintf(place.text, sizeof(place.text), "%s%s", prefix, key);
    return place;
}

/* Else it is a handler's for both roles, and written without the prefix. */
static bool is_written(const struct config *config, size_t service, const struct place_text *place)
{
    return config->origin && config_has_place(config, service, place->text);
}

/* Once the places are forgotten, the service alone is named. */
static void add(const struct checking *checking, enum config_severity severity, size_t service,
                const char *place, const char *why)
{
    struct config_report *report = checking->report;
    const char *name = checking->config->services[service].name;
    if (checking->config->origin)
        config_report_add_at(report, severity, checking->config, service, place, "%s", why);
    else if (severity == CONFIG_ERROR)
        lines_add(&report->errors, "service \"%s\": %s", name, why);
    else
        lines_add(&report->warnings, "service \"%s\": warning: %s", name, why);
}

/* A handler that is written once is for both roles, and is tried as that of the server. */
static bool is_again(const struct config_service *service, const struct config_source *source,
                     bool written)
{
    const struct config_handler *server = &service->as_server, *client = &service->as_client;
    return !written && server->kind == client->kind &&
           (source == &client->forward.source || source == &client->proxy.source);
}

static void see(size_t service, const char *prefix, const char *key,
                const struct config_source *source, void *arg)
{
    const struct checking *checking = arg;
    const struct place_text place = join(prefix, key);
    struct error_text error = {.text = ""};
    bool written = is_written(checking->config, service, &place);
    bool again = is_again(&checking->config->services[service], source, written);
    int failed = again ? 0 : source_probe(source, &error);
    if (failed != 0)
        add(checking, failed == EPERM ? checking->denied : CONFIG_WARNING, service,
            written ? place.text : key, error.text);
}

void sources_check(const struct config *config, enum config_severity denied,
                   struct config_report *report)
{
    struct checking checking = {.config = config, .denied = denied, .report = report};
    for (size_t i = 0; i < config->service_count; i++)
        each_of(config, i, see, &checking);
}
