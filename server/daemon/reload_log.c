#include "server/daemon/reload_log.h"

#include <string.h>
#include <time.h>

void reload_log_warnings(struct log *log, const struct config_strings *warnings)
{
    for (size_t i = 0; i < warnings->count; i++) {
        struct log_field fields[] = {log_text("event", "configuration"),
                                     log_text("warning", warnings->items[i])};
        log_write(log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

static void log_ignored(struct log *log, const struct change *change)
{
    for (size_t i = 0; config_fixed_key(i); i++) {
        struct log_field fields[] = {log_text("event", "reload"),
                                     log_text("key", config_fixed_key(i)),
                                     log_text("warning", "its change is ignored until a restart")};
        if (strcmp(change->before->fixed.items[i], change->next->fixed.items[i]) != 0)
            log_write(log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

/* Was it there before? */
static bool is_kept(const struct service *old, const struct listener *listener)
{
    for (size_t i = 0; i < old->listeners.count; i++)
        if (old->listeners.items[i].listener == listener)
            return true;
    return false;
}

static bool is_kept_of_any(const struct change *change, const struct service *old,
                           const struct listener *listener)
{
    if (old && is_kept(old, listener))
        return true;
    for (size_t i = 0; i < change->before->count; i++)
        if (is_kept(change->before->services[i], listener))
            return true;
    return false;
}

/* OLD: the service of that name before; NULL: there was none. */
static void add_listener(struct log_line *line, const struct change *change,
                         const struct service *old, const struct listener *listener)
{
    bool kept = is_kept_of_any(change, old, listener);
    log_line_add(line, log_text("listener", kept ? "kept" : "opened"));
    log_line_add(line, log_text("address", listener_address(listener)));
}

static const struct listener *first_closed(const struct service *old)
{
    for (size_t i = 0; old && i < old->listeners.count; i++)
        if (!old->listeners.items[i].kept)
            return old->listeners.items[i].listener;
    return NULL;
}

/* The first of each kind; the others have lines of their own. */
static void add_listeners(struct log_line *line, const struct change *change,
                          const struct service *service, const struct service *old)
{
    if (service->listeners.count > 0)
        add_listener(line, change, old, service->listeners.items[0].listener);
    const struct listener *closed = first_closed(old);
    if (closed)
        log_line_add(line, log_text("closed", listener_address(closed)));
}

static void log_closed(struct log *log, const struct service *old)
{
    const struct listener *first = first_closed(old);
    for (size_t i = 0; old && i < old->listeners.count; i++) {
        const struct listeners_item *item = &old->listeners.items[i];
        struct log_field fields[] = {log_text("event", "reload"),
                                     log_text("service", old->config->name),
                                     log_text("closed", listener_address(item->listener))};
        if (!item->kept && item->listener != first)
            log_write(log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

static void log_further_listeners(struct log *log, const struct change *change,
                                  const struct service *service, const struct service *old)
{
    for (size_t i = 1; i < service->listeners.count; i++) {
        struct log_line line = {.count = 0};
        log_line_add(&line, log_text("event", "reload"));
        log_line_add(&line, log_text("service", service->config->name));
        add_listener(&line, change, old, service->listeners.items[i].listener);
        log_write(log, CONFIG_LOG_INFO, line.fields, line.count);
    }
    log_closed(log, old);
}

/* What was loaded for the service: the line has its own certificate, and those that are chosen by
 * server name have lines of their own behind it. */
struct loaded {
    actpass_certificate_t certificate;
    char not_after[32];
};

/* False: the service has no certificate of that number. */
static bool find_loaded(struct service *service, unsigned number, struct loaded *loaded)
{
    struct tm parts;
    actpass_config *settings = service_settings(service);
    bool found = actpass_config_certificate(settings, number, &loaded->certificate) == 0;
    actpass_config_free(settings);
    time_t not_after = found ? (time_t)loaded->certificate.not_after : 0;
    if (!found || !gmtime_r(&not_after, &parts))
        return false;
    (void)strftime(loaded->not_after, sizeof(loaded->not_after), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return true;
}

static void add_loaded(struct log_line *line, const struct loaded *loaded)
{
    log_line_add(line, log_text("serial", loaded->certificate.serial));
    log_line_add(line, log_text("not_after", loaded->not_after));
}

static void log_further(struct log *log, struct service *service)
{
    struct loaded loaded;
    for (unsigned number = 1; find_loaded(service, number, &loaded); number++) {
        struct log_line line = {.count = 0};
        log_line_add(&line, log_text("event", "loaded"));
        log_line_add(&line, log_text("service", service->config->name));
        log_line_add(&line, log_text("subject", loaded.certificate.subject));
        add_loaded(&line, &loaded);
        log_write(log, CONFIG_LOG_INFO, line.fields, line.count);
    }
}

static void log_service(struct log *log, const struct change *change, struct service *service)
{
    struct loaded loaded;
    const struct service *old = generation_find(change->before, service->config->name);
    bool same = old && strcmp(old->written, service->written) == 0;
    struct log_line line = {.count = 0};
    log_line_add(&line, log_text("event", "reload"));
    log_line_add(&line, log_text("service", service->config->name));
    log_line_add(&line, log_text("change", !old ? "added" : same ? "none" : "changed"));
    add_listeners(&line, change, service, old);
    if (find_loaded(service, 0, &loaded))
        add_loaded(&line, &loaded);
    log_write(log, CONFIG_LOG_INFO, line.fields, line.count);
    log_further_listeners(log, change, service, old);
    log_further(log, service);
}

static void log_removed(struct log *log, const struct change *change, const struct service *old)
{
    struct log_line line = {.count = 0};
    if (generation_find(change->next, old->config->name))
        return;
    log_line_add(&line, log_text("event", "reload"));
    log_line_add(&line, log_text("service", old->config->name));
    log_line_add(&line, log_text("change", "removed"));
    const struct listener *closed = first_closed(old);
    if (closed)
        log_line_add(&line, log_text("closed", listener_address(closed)));
    log_write(log, CONFIG_LOG_INFO, line.fields, line.count);
    log_closed(log, old);
}

void reload_log_done(struct log *log, const struct change *change,
                     const struct config_strings *warnings)
{
    reload_log_warnings(log, warnings);
    log_ignored(log, change);
    for (size_t i = 0; i < change->next->count; i++)
        log_service(log, change, change->next->services[i]);
    for (size_t i = 0; i < change->before->count; i++)
        log_removed(log, change, change->before->services[i]);
}

void reload_log_failed(struct log *log, const struct config_strings *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        struct log_field fields[] = {
            log_text("event", "reload"), log_text("error", errors->items[i]),
            log_text("result", "the configuration of before stays in force")};
        log_write(log, CONFIG_LOG_ERROR, fields, sizeof(fields) / sizeof(fields[0]));
    }
}

void reload_log_refreshed(struct log *log, struct service *service)
{
    struct loaded loaded;
    struct log_line line = {.count = 0};
    log_line_add(&line, log_text("event", "files"));
    log_line_add(&line, log_text("service", service->config->name));
    if (find_loaded(service, 0, &loaded))
        add_loaded(&line, &loaded);
    log_write(log, CONFIG_LOG_INFO, line.fields, line.count);
    log_further(log, service);
}

void reload_log_not_refreshed(struct log *log, const struct service *service, const char *error)
{
    struct log_field fields[] = {
        log_text("event", "files"), log_text("service", service->config->name),
        log_text("error", error), log_text("result", "what was loaded before stays in use")};
    log_write(log, CONFIG_LOG_WARNING, fields, sizeof(fields) / sizeof(fields[0]));
}
