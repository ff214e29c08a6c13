#include "server/daemon/load.h"

#include "server/daemon/admin/admin.h"
#include "server/daemon/certificates.h"
#include "server/daemon/fingerprint.h"
#include "server/daemon/lines.h"
#include "server/daemon/programs/programs.h"
#include "server/daemon/room.h"
#include "server/daemon/sources.h"
#include "server/lib/dial/fast_open_system.h"
#include "server/lib/dial/through.h"
#include "server/lib/parsed.h"

#include <string.h>

static void warn_of_fast_open(const struct service *service, struct config_report *report)
{
    const struct config_service *config = service->config;
    enum config_dialer dialer = config->dial.address_count > 0 ? CONFIG_WE_DIAL : CONFIG_PEER_DIALS;
    const char *why = config->connection.tcp_fast_open ? fast_open_forbidden_here(dialer) : NULL;
    if (why)
        config_report_add_at(report, CONFIG_WARNING, service->held->config, service->number,
                             "tcp_fast_open", "%s", why);
}

static bool report_short(const struct config *config, struct config_report *report)
{
    config_report_add(report, CONFIG_ERROR, config, "out of memory");
    return false;
}

/* False, with what is wrong in the report. */
static bool load_hints(struct service *service, struct config_report *report)
{
    if (!hints_used(service->config))
        return true;
    service->hints = hints_new(service->config);
    return service->hints || report_short(service->held->config, report);
}

static bool load_settings(const struct server *server, struct service *service,
                          struct config_report *report)
{
    struct error_text error = {.text = ""};
    struct config_report notes = {.warnings = {0}};
    service->fingerprint = fingerprint_of_service(service->config); /* what comes later
                                                                                is a change */
    service->notes = &notes.warnings;
    bool loaded = service_load_settings(service, server->shared, &error);
    service->notes = NULL;
    for (size_t i = 0; i < notes.warnings.count; i++)
        config_report_add(report, CONFIG_WARNING, service->held->config, "%s",
                          notes.warnings.items[i]);
    config_report_free(&notes);
    if (!loaded)
        certificates_report(report, service->held->config, service->number, error.text);
    return loaded;
}

static bool load_handlers(struct service *service, const struct generation *before,
                          struct config_report *report)
{
    struct error_text error = {.text = ""};
    const struct service *old = before ? generation_find(before, service->config->name) : NULL;
    bool loaded = service_load_handlers(service, &error);
    if (loaded && old)
        service_follow(service, old);
    if (!loaded)
        config_report_add_at(report, CONFIG_ERROR, service->held->config, service->number, "", "%s",
                             error.text);
    return loaded;
}

/* What a dial will read from the file of the proxy's password. */
static bool check_proxy(const struct service *service, struct config_report *report)
{
    struct error_text error = {.text = ""};
    struct through through;
    bool good = through_load(&through, &service->config->dial.through, &error);
    through_wipe(&through);
    if (!good)
        config_report_add_at(report, CONFIG_ERROR, service->held->config, service->number,
                             "dial_through_auth", "%s", error.text);
    return good;
}

/* The connections go on being counted where the service was there before. One that dials
 * by itself begins anew if anything is changed, and the connection of before ends. */
static bool load_counts(struct service *service, const struct generation *before,
                        struct config_report *report)
{
    const struct service *old = before ? generation_find(before, service->config->name) : NULL;
    bool lasts = config_dial_is_kept(&service->config->dial);
    bool same = old && config_dial_is_kept(&old->config->dial) == lasts &&
                (!lasts || strcmp(old->written, service->written) == 0);
    service->connections = same ? registry_service_hold(old->connections)
                                : registry_service_new(lasts ? REGISTRY_LASTING : REGISTRY_PASSING);
    return service->connections || report_short(service->held->config, report);
}

static bool load_service(const struct server *server, struct service *service,
                         const struct generation *before, struct config_report *report)
{
    bool loaded = load_settings(server, service, report);
    loaded = load_handlers(service, before, report) && loaded;
    loaded = load_hints(service, report) && loaded;
    loaded = check_proxy(service, report) && loaded;
    loaded = load_counts(service, before, report) && loaded;
    warn_of_fast_open(service, report);
    return loaded;
}

struct generation *load_generation(const struct server *server, struct config *config,
                                   const struct generation *before, struct config_report *report)
{
    struct generation *generation = generation_new(config, server->log);
    if (!generation) {
        lines_add(&report->errors, "out of memory");
        return NULL;
    }
    bool loaded = true;
    for (size_t i = 0; i < generation->count; i++)
        loaded = load_service(server, generation->services[i], before, report) && loaded;
    if (before)
        sources_check(generation->config, CONFIG_ERROR, report);
    if (!room_load(generation, report))
        loaded = report_short(generation->config, report);
    if (loaded && report->errors.count == 0)
        return generation;
    generation_release(generation);
    return NULL;
}

static bool make_files(struct service *service, struct config_report *report)
{
    if (config_is_plain_gate(service->config))
        return true;
    actpass_config *settings = service_settings(service);
    bool made = parsed_make_files(settings) == 0;
    if (!made)
        lines_add(&report->errors, "%s: %s", service->config->name, actpass_config_error(settings));
    actpass_config_free(settings);
    return made;
}

void load_start(const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++) {
        if (config_is_plain_gate(generation->services[i]->config))
            continue;
        actpass_config *settings = service_settings(generation->services[i]);
        parsed_start(settings);
        actpass_config_free(settings);
    }
}

bool load_make_files(const struct generation *generation, struct config_report *report)
{
    bool made = true;
    for (size_t i = 0; i < generation->count; i++)
        made = make_files(generation->services[i], report) && made;
    return made;
}

bool load_stats(const struct server *server, const struct generation *generation,
                struct config_report *report)
{
    for (size_t i = 0; server->stats && i < generation->count; i++) {
        struct service *service = generation->services[i];
        service->stats = stats_of(server->stats, service->config->name);
        if (!service->stats) {
            lines_add(&report->errors, "out of memory");
            return false;
        }
    }
    return true;
}

/* The configuration, if it and the files that it names are good. */
struct config *load_config(const char *file, const struct sandbox *sandbox,
                           struct config_report *report)
{
    struct config *config = config_load_all(file, report);
    if (config) {
        sandbox_explain(sandbox, config, report);
        certificates_check(config, report);
        if (!sandbox && report->errors.count == 0) /* inside, the spawner sees it */
            programs_check(config, report);
        if (!sandbox)
            sandbox_check_programs(config, file, report);
    }
    const char *missing = admin_missing();
    if (config && config->admin.listen.kind != CONFIG_ADDRESS_NONE && missing)
        config_report_add(report, CONFIG_ERROR, config, "%s", missing);
    if (config && report->errors.count == 0)
        return config;
    config_free(config);
    return NULL;
}
