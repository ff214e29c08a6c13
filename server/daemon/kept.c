#include "server/daemon/kept.h"

#include "server/daemon/bound.h"
#include "server/daemon/lines.h"

#include <string.h>

bool spot_is_any_port(const struct spot *spot)
{
    return spot->address.kind == CONFIG_ADDRESS_TCP && spot->address.port == 0;
}

static bool is_same(const struct spot *spot, const struct listeners_item *old)
{
    if (spot->address.kind != old->of->kind)
        return false;
    if (spot->address.kind == CONFIG_ADDRESS_UNIX)
        return strcmp(spot->address.path, old->of->path) == 0;
    return spot->address.port == old->port && strcmp(spot->address.host, old->of->host) == 0;
}

static bool is_same_text(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

/* What is set when a socket is opened stays as it is. */
static void note_options(const struct opening *opening, const struct service *old)
{
    const struct config_listen_options *now = &opening->service->config->listen_options;
    const struct config_listen_options *then = &old->config->listen_options;
    bool same = now->reuse_port == then->reuse_port && now->v6only == then->v6only &&
                is_same_text(now->file.mode, then->file.mode) &&
                is_same_text(now->file.owner, then->file.owner) &&
                is_same_text(now->file.group, then->file.group);
    if (!same)
        lines_add(&opening->report->warnings,
                  "service \"%s\": warning: of \"listen_options\" only \"backlog\" changes for "
                  "sockets that are open: restart for the others",
                  opening->service->config->name);
}

/* Is it bound to one of these addresses? */
static bool is_listed(const struct listener *listener, const struct candidate *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bound_to(listener_fd(listener), (const struct sockaddr *)(const void *)&list[i].address,
                     list[i].size))
            return true;
    return false;
}

/* Takes those of the old service. Port 0 is another port for each service. False: out of memory. */
static bool keep_of(const struct opening *opening, const struct spot *spot,
                    const struct service *old, const struct candidate *list, size_t count)
{
    const struct config_address *group = NULL; /* what the first was opened for */
    bool fits =
        !spot_is_any_port(spot) || strcmp(opening->service->config->name, old->config->name) == 0;
    for (size_t i = 0; fits && i < old->listeners.count; i++) {
        struct listeners_item *item = &old->listeners.items[i];
        bool other = spot_is_any_port(spot) && group && item->of != group;
        if (item->kept || other || !is_same(spot, item) || !listener_is_there(item->listener) ||
            (list && !is_listed(item->listener, list, count)))
            continue;
        item->kept = true;
        group = item->of;
        if (!listeners_add(&opening->service->listeners, listener_hold(item->listener), spot->of,
                           spot->address.port))
            return false;
    }
    if (group)
        note_options(opening, old);
    return true;
}

bool kept_take(const struct opening *opening, const struct spot *spot, const struct candidate *list,
               size_t count)
{
    const struct generation *before = opening->sources->before;
    for (size_t i = 0; before && i < before->count; i++)
        if (!keep_of(opening, spot, before->services[i], list, count))
            return false;
    return true;
}

static bool has_managers(const struct spot *spot, const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (is_same(spot, &listeners->items[i]) &&
            listener_owner(listeners->items[i].listener) == LISTENER_MANAGERS)
            return true;
    return false;
}

bool kept_is_name(const struct opening *opening, const struct spot *spot)
{
    const struct generation *before = opening->sources->before;
    bool name = before && spot->address.kind == CONFIG_ADDRESS_TCP &&
                spot->address.host[0] != '\0' && !config_address_is_ip(&spot->address);
    for (size_t i = 0; name && i < before->count; i++)
        name = !has_managers(spot, &before->services[i]->listeners);
    return name;
}

void kept_forget(const struct generation *before)
{
    for (size_t i = 0; before && i < before->count; i++)
        for (size_t k = 0; k < before->services[i]->listeners.count; k++)
            before->services[i]->listeners.items[k].kept = false;
}
