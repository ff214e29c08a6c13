#include "server/daemon/listening.h"

#include "server/daemon/lines.h"

#include <stdio.h>
#include <string.h>

/* NULL: the service only dials. */
static const struct config_address *address_of(const struct config_service *service)
{
    bool plain = service->dial.listen_plain.kind != CONFIG_ADDRESS_NONE;
    const struct config_address *address = plain ? &service->dial.listen_plain : &service->listen;
    return address->kind == CONFIG_ADDRESS_NONE ? NULL : address;
}

/* ---- Kept from before ---------------------------------------------------------------------- */

static bool is_same(const struct config_address *one, const struct config_address *other)
{
    if (one->kind != other->kind)
        return false;
    if (one->kind == CONFIG_ADDRESS_UNIX)
        return strcmp(one->path, other->path) == 0;
    return one->port == other->port && strcmp(one->host, other->host) == 0;
}

/* Port 0 is another port for each service. */
static bool may_take(const struct service *service, const struct service *old)
{
    const struct config_address *address = address_of(service->config);
    bool any_port = address->kind == CONFIG_ADDRESS_TCP && address->port == 0;
    return old->listener && listener_is_there(old->listener) &&
           is_same(address, address_of(old->config)) &&
           (!any_port || strcmp(service->config->name, old->config->name) == 0);
}

static struct listener *keep(const struct service *service, const struct generation *before)
{
    for (size_t i = 0; before && i < before->count; i++)
        if (may_take(service, before->services[i]))
            return listener_hold(before->services[i]->listener);
    return NULL;
}

bool listening_keeps(const struct generation *generation, const struct service *service)
{
    for (size_t i = 0; i < generation->count; i++)
        if (generation->services[i]->listener == service->listener)
            return true;
    return false;
}

/* ---- Open ---------------------------------------------------------------------------------- */

/* The service of before that listens on the same port of another address. NULL: there is none. */
static const struct service *neighbour(const struct config_address *address,
                                       const struct generation *before)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct service *old = before->services[i];
        const struct config_address *other = old->listener ? address_of(old->config) : NULL;
        if (other && other->kind == CONFIG_ADDRESS_TCP && address->kind == CONFIG_ADDRESS_TCP &&
            other->port == address->port && other->port != 0)
            return old;
    }
    return NULL;
}

/* What is in the way may be a listener of ours that is closed only after a reload that succeeds. */
static void note_failure(const struct service *service, const struct generation *before,
                         const char *why, struct config_report *report)
{
    const struct service *old = neighbour(address_of(service->config), before);
    if (old)
        lines_add(&report->errors,
                  "service \"%s\": %s; this program itself still listens on %s (service \"%s\"): "
                  "reload first without that service, or restart",
                  service->config->name, why, listener_address(old->listener), old->config->name);
    else
        lines_add(&report->errors, "service \"%s\": %s", service->config->name, why);
}

static struct listener *take_handed(const struct service *service, struct handed *handed,
                                    struct error_text *error)
{
    char what[128];
    (void)snprintf(what, sizeof(what), "service %s", service->config->name);
    return handed ? handed_take(handed, what, address_of(service->config), error) : NULL;
}

static struct listener *get(const struct service *service, const struct listening_sources *sources,
                            struct error_text *error)
{
    const struct config_address *address = address_of(service->config);
    struct listener *listener = keep(service, sources->before);
    if (!listener)
        listener = take_handed(service, sources->handed, error);
    if (listener || error->text[0] != '\0')
        return listener;
    int fd = sources->inherited
                 ? inherited_take(sources->inherited, service->config->name, address, error)
                 : -1;
    if (fd >= 0)
        return listener_adopt(fd, error);
    return error->text[0] == '\0' ? listener_open(address, error) : NULL;
}

int listening_tune(struct service *service)
{
    const struct config_service *config = service->config;
    bool fast_open = config->connection.tcp_fast_open && config->dial.address_count == 0;
    return service->listener
               ? listener_fast_open(service->listener, fast_open ? config->tcp_fast_open_queue : 0)
               : 0;
}

/* False, with what is wrong added to the errors. A listener that is kept is tuned when all is
 * well. */
static bool listen_for(struct service *service, const struct listening_sources *sources,
                       struct config_report *report)
{
    struct error_text error = {.text = ""};
    if (!address_of(service->config))
        return true;
    service->listener = get(service, sources, &error);
    if (!service->listener) {
        note_failure(service, sources->before, error.text, report);
        return false;
    }
    int failed = sources->before ? 0 : listening_tune(service);
    if (failed != 0)
        lines_add(&report->warnings, "service \"%s\": warning: tcp_fast_open is not available: %s",
                  service->config->name, strerror(failed));
    return true;
}

bool listening_open(struct generation *generation, const struct listening_sources *sources,
                    struct config_report *report)
{
    bool open = true;
    for (size_t i = 0; i < generation->count; i++)
        open = listen_for(generation->services[i], sources, report) && open;
    return open;
}

void listening_shut(struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        listener_shut(generation->services[i]->listener);
}

void listening_log(const struct generation *generation, struct log *log)
{
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        if (!service->listener)
            continue;
        struct log_field fields[] = {log_text("event", "listening"),
                                     log_text("service", service->config->name),
                                     log_text("address", listener_address(service->listener))};
        log_write(log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
    }
}
