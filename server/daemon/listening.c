#include "server/daemon/listening.h"

#include "relay/clock.h"
#include "server/daemon/bound.h"
#include "server/daemon/kept.h"
#include "server/daemon/lines.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Passed on ----------------------------------------------------------------------------- */

/* From another actpass. False with ERROR. */
static bool take_handed(const struct opening *opening, const struct spot *spot,
                        struct error_text *error)
{
    char what[128];
    struct service *service = opening->service;
    struct handed *handed = opening->sources->handed;
    struct listener *listener = NULL;
    (void)snprintf(what, sizeof(what), "service %s", service->config->name);
    do {
        listener = handed ? handed_take(handed, what, &spot->address, error) : NULL;
        if (listener && !listeners_add(&service->listeners, listener, spot->of, spot->address.port))
            return error_set(error, "out of memory");
    } while (listener && !spot_is_any_port(spot));
    return error->text[0] == '\0';
}

/* From the service manager. False with ERROR. */
static bool take_inherited(const struct opening *opening, const struct spot *spot,
                           struct error_text *error)
{
    struct service *service = opening->service;
    struct inherited *inherited = opening->sources->inherited;
    int fd = -1;
    do {
        fd = inherited ? inherited_take(inherited, service->config->name, &spot->address, error)
                       : -1;
        struct listener *listener = fd >= 0 ? listener_adopt(fd, error) : NULL;
        if (listener && !listeners_add(&service->listeners, listener, spot->of, spot->address.port))
            return error_set(error, "out of memory");
    } while (fd >= 0 && error->text[0] == '\0');
    return error->text[0] == '\0';
}

/* ---- Open ---------------------------------------------------------------------------------- */

/* A family that this machine does not have: "localhost" is in /etc/hosts with [::1] on machines
 * where IPv6 is switched off, too. */
static bool may_lack(const struct candidate *where, int failed)
{
    const struct sockaddr_in6 *v6 = (const void *)&where->address;
    return failed == EAFNOSUPPORT || (failed == EADDRNOTAVAIL && v6->sin6_family == AF_INET6 &&
                                      IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

/* A name may have an address twice. */
static bool is_repeated(const struct candidate *list, size_t number)
{
    for (size_t i = 0; i < number; i++)
        if (list[i].size == list[number].size &&
            memcmp(&list[i].address, &list[number].address, list[i].size) == 0)
            return true;
    return false;
}

/* False with ERROR. OTHERS: there are others that can be opened instead. */
static bool open_one(const struct opening *opening, const struct spot *spot,
                     const struct candidate *where, bool others, struct error_text *error)
{
    struct service *service = opening->service;
    struct error_text why = {.text = ""};
    struct listener *listener = listener_open_at(where, &service->config->listen_options, &why);
    if (listener)
        return listeners_add(&service->listeners, listener, spot->of, spot->address.port) ||
               error_set(error, "out of memory");
    if (!others || !may_lack(where, errno))
        return error_set(error, "%s", why.text);
    lines_add(&opening->report->warnings, "service \"%s\": warning: %s", service->config->name,
              why.text);
    return true;
}

/* Is it listened on by one of those that were kept, from number FIRST on? */
static bool is_held(const struct listeners *listeners, size_t first, const struct candidate *where)
{
    for (size_t i = first; i < listeners->count; i++)
        if (bound_to(listener_fd(listeners->items[i].listener),
                     (const struct sockaddr *)(const void *)&where->address, where->size))
            return true;
    return false;
}

/* Those that are not held, from number FIRST on. False with ERROR. */
static bool open_all(const struct opening *opening, const struct spot *spot,
                     const struct candidate *list, size_t count, size_t first,
                     struct error_text *error)
{
    const struct listeners *listeners = &opening->service->listeners;
    for (size_t i = 0; i < count; i++)
        if (!is_repeated(list, i) && !is_held(listeners, first, &list[i]) &&
            !open_one(opening, spot, &list[i], count > 1, error))
            return false;
    return listeners->count > first ||
           error_set(error, "cannot listen on %s: this machine has none of its addresses",
                     spot->of->text);
}

/* NULL, and a list that the caller frees, or why there is none. */
static const char *look_up(const struct opening *opening, const struct spot *spot,
                           struct candidate **list, size_t *count)
{
    const struct dial_wait wait = {.cancel_fd = opening->sources->cancel_fd};
    return candidates_resolve(&spot->address, AI_PASSIVE, &wait,
                              clock_deadline_ms(LISTENER_LOOKUP_MS), list, count);
}

static bool open_spot(const struct opening *opening, const struct spot *spot,
                      struct error_text *error)
{
    struct candidate *list = NULL;
    size_t count = 0;
    const char *why = look_up(opening, spot, &list, &count);
    bool open =
        why ? error_set(error, "cannot listen on %s: %s: check the host name", spot->of->text, why)
            : open_all(opening, spot, list, count, opening->service->listeners.count, error);
    free(list);
    return open;
}

/* ---- Again --------------------------------------------------------------------------------- */

/* The name servers fail now: what was found before is still the best that is known. */
static bool keep_unknown(const struct opening *opening, const struct spot *spot, const char *why,
                         struct error_text *error)
{
    const struct listeners *listeners = &opening->service->listeners;
    size_t first = listeners->count;
    if (!kept_take(opening, spot, NULL, 0))
        return error_set(error, "out of memory");
    if (listeners->count == first)
        return error_set(error, "cannot listen on %s: %s: check the host name", spot->of->text,
                         why);
    lines_add(&opening->report->warnings,
              "service \"%s\": warning: cannot look up %s again, so its addresses of before stay: "
              "%s",
              opening->service->config->name, spot->of->text, why);
    return true;
}

/* A name that was listened on before: the addresses that it has now are kept or opened, others are
 * closed with the generation of before. */
static bool renew(const struct opening *opening, const struct spot *spot, struct error_text *error)
{
    struct candidate *list = NULL;
    size_t count = 0;
    size_t first = opening->service->listeners.count;
    const char *why = look_up(opening, spot, &list, &count);
    bool open = false;
    if (why)
        open = keep_unknown(opening, spot, why, error);
    else if (!kept_take(opening, spot, list, count))
        (void)error_set(error, "out of memory");
    else
        open = open_all(opening, spot, list, count, first, error);
    free(list);
    return open;
}

/* False with ERROR. */
static bool get(const struct opening *opening, const struct spot *spot, struct error_text *error)
{
    const struct listeners *listeners = &opening->service->listeners;
    size_t before = listeners->count;
    if (kept_is_name(opening, spot))
        return renew(opening, spot, error);
    if (!kept_take(opening, spot, NULL, 0))
        return error_set(error, "out of memory");
    if (listeners->count > before)
        return true;
    if (!take_handed(opening, spot, error) || !take_inherited(opening, spot, error))
        return false;
    return listeners->count > before || open_spot(opening, spot, error);
}

/* ---- What is in the way -------------------------------------------------------------------- */

/* The service of before that listens on the same port of another address. NULL: there is none. */
static const struct service *neighbour(const struct spot *spot, const struct generation *before,
                                       const char **address)
{
    bool tcp = spot->address.kind == CONFIG_ADDRESS_TCP && !spot_is_any_port(spot);
    for (size_t i = 0; tcp && before && i < before->count; i++) {
        const struct listeners *listeners = &before->services[i]->listeners;
        for (size_t k = 0; k < listeners->count; k++) {
            const struct listeners_item *item = &listeners->items[k];
            *address = listener_address(item->listener);
            if (item->of->kind == CONFIG_ADDRESS_TCP && item->port == spot->address.port)
                return before->services[i];
        }
    }
    return NULL;
}

/* What is in the way may be a listener of ours that is closed only after a reload that succeeds. */
static void note_failure(const struct opening *opening, const struct spot *spot, const char *why)
{
    const char *address = NULL;
    const struct service *old = neighbour(spot, opening->sources->before, &address);
    if (old)
        lines_add(&opening->report->errors,
                  "service \"%s\": %s; this program itself still listens on %s (service \"%s\"): "
                  "reload first without that service, or restart",
                  opening->service->config->name, why, address, old->config->name);
    else
        lines_add(&opening->report->errors, "service \"%s\": %s", opening->service->config->name,
                  why);
}

/* ---- All of a service ---------------------------------------------------------------------- */

static bool get_spot(const struct opening *opening, const struct config_address *of, unsigned port)
{
    struct error_text error = {.text = ""};
    struct spot spot = {.address = *of, .of = of};
    spot.address.port = (uint16_t)port;
    spot.address.last_port = 0;
    if (get(opening, &spot, &error))
        return true;
    note_failure(opening, &spot, error.text);
    return false;
}

int listening_tune(struct service *service)
{
    const struct config_service *config = service->config;
    bool fast_open = config->connection.tcp_fast_open && config->dial.address_count == 0;
    int failed = 0;
    for (size_t i = 0; i < service->listeners.count; i++) {
        struct listener *listener = service->listeners.items[i].listener;
        int error = listener_fast_open(listener, fast_open ? config->tcp_fast_open_queue : 0);
        failed = error != 0 ? error : failed;
        (void)listener_backlog(listener, &config->listen_options); /* it listens already */
    }
    return failed;
}

/* Sockets of its name that fit none of its addresses. */
static bool take_rest(const struct opening *opening)
{
    struct error_text error = {.text = ""};
    struct inherited *inherited = opening->sources->inherited;
    const struct config_service *config = opening->service->config;
    if (!inherited || !inherited_explain(inherited, config->name, config_listens(config), &error))
        return true;
    lines_add(&opening->report->errors, "service \"%s\": %s", config->name, error.text);
    return false;
}

/* False, with what is wrong added to the errors. A listener that is kept is tuned when all is
 * well. */
static bool listen_for(const struct opening *opening)
{
    const struct config_listen *listen = config_listens(opening->service->config);
    bool open = true;
    if (listen->count == 0)
        return true;
    for (size_t i = 0; i < listen->count; i++) {
        const struct config_address *address = &listen->addresses[i];
        for (unsigned k = 0; k < config_address_ports(address); k++)
            open = get_spot(opening, address, address->port + k) && open;
    }
    open = take_rest(opening) && open;
    int failed = open && !opening->sources->before ? listening_tune(opening->service) : 0;
    if (failed != 0)
        lines_add(&opening->report->warnings,
                  "service \"%s\": warning: tcp_fast_open is not available: %s",
                  opening->service->config->name, strerror(failed));
    return open;
}

bool listening_open(struct generation *generation, const struct listening_sources *sources,
                    struct config_report *report)
{
    bool open = true;
    kept_forget(sources->before);
    for (size_t i = 0; i < generation->count; i++) {
        const struct opening opening = {generation->services[i], sources, report};
        open = listen_for(&opening) && open;
    }
    if (open && !generation_find_spots(generation)) {
        lines_add(&report->errors, "out of memory");
        return false;
    }
    return open;
}

void listening_shut(struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        listeners_shut(&generation->services[i]->listeners);
}

static void log_one(struct log *log, const struct service *service, const struct listener *listener)
{
    struct log_field fields[] = {log_text("event", "listening"),
                                 log_text("service", service->config->name),
                                 log_text("address", listener_address(listener))};
    log_write(log, CONFIG_LOG_INFO, fields, sizeof(fields) / sizeof(fields[0]));
}

void listening_log(const struct generation *generation, struct log *log)
{
    for (size_t i = 0; i < generation->count; i++) {
        const struct service *service = generation->services[i];
        for (size_t k = 0; k < service->listeners.count; k++)
            log_one(log, service, service->listeners.items[k].listener);
    }
}
