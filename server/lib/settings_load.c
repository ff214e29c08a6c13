/* actpass_config: from JSON, in a file or in memory. */
#include "server/lib/settings.h"

#include <stdlib.h>
#include <string.h>

static struct config_service *find_service(struct config *loaded, const char *name)
{
    for (size_t i = 0; i < loaded->service_count; i++)
        if (!name || strcmp(loaded->services[i].name, name) == 0)
            return &loaded->services[i];
    return NULL;
}

/* NAME becomes the configuration's, and what FOUND holds, too. */
static void take_service(actpass_config *config, char *name, struct config_service *found)
{
    free(config->service);
    config->service = name;
    config_connection_free(&config->connection);
    config->connection = found->connection;
    config_connection_init(&found->connection);
    config->connect_timeout_ms = found->dial.connect_timeout_ms;
    config_address_free(&config->dial_from);
    config->dial_from = found->dial.from;
    found->dial.from = (struct config_address){0};
    config_source_free(&config->dial_source);
    config->dial_source = found->dial.source;
    found->dial.source = (struct config_source){.mark = 0};
    const struct config_through through = config->through;
    config->through = found->dial.through;
    found->dial.through = through; /* which is freed with what was loaded */
}

/* FILE is how messages call it. */
static int take(actpass_config *config, struct config *loaded, const char *file,
                const char *service)
{
    struct config_service *found = find_service(loaded, service);
    char *name = found ? strdup(found->name) : NULL;
    if (!found)
        return settings_fail(config, "%s: there is no service \"%s\"", file,
                             service ? service : "");
    if (!name)
        return settings_fail(config, "out of memory");
    take_service(config, name, found);
    return 0;
}

static void log_warnings(const actpass_config *config, const struct config_report *report)
{
    for (size_t i = 0; config->hooks.log && i < report->warnings.count; i++)
        config->hooks.log(report->warnings.items[i], config->hooks.log_arg);
}

/* Frees LOADED and REPORT. */
static int finish(actpass_config *config, struct config *loaded, struct config_report *report,
                  const char *file, const char *service)
{
    int result = -1;
    log_warnings(config, report);
    if (loaded)
        result = take(config, loaded, file, service);
    else
        settings_fail(config, "%s",
                      report->errors.count ? report->errors.items[0] : "out of memory");
    config_free(loaded);
    config_report_free(report);
    return result;
}

int actpass_config_load(actpass_config *config, const char *file, const char *service)
{
    struct config_report report;
    if (settings_changeable(config))
        return -1;
    if (!file)
        return settings_fail(config, "the configuration file: must not be NULL");
    struct config *loaded = config_load(file, &report);
    return finish(config, loaded, &report, file, service);
}

int actpass_config_load_text(actpass_config *config, const char *json, size_t length,
                             const char *service)
{
    static const char name[] = "text";
    struct config_report report;
    if (settings_changeable(config))
        return -1;
    if (!json)
        return settings_fail(config, "the configuration text: must not be NULL");
    struct config *loaded = config_parse(name, json, length, &report);
    return finish(config, loaded, &report, name, service);
}
