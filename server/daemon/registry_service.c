/* The registry: the connections of one service. */
#include "server/daemon/registry_internal.h"

#include <stdlib.h>

struct registry_service *registry_service_new(enum registry_kind kind)
{
    struct registry_service *service = calloc(1, sizeof(*service));
    if (!service)
        return NULL;
    service->kind = kind;
    service->addresses = addresses_new();
    if (!service->addresses) {
        free(service);
        return NULL;
    }
    atomic_init(&service->references, 1);
    return service;
}

struct registry_service *registry_service_hold(struct registry_service *service)
{
    atomic_fetch_add(&service->references, 1);
    return service;
}

void registry_service_release(struct registry_service *service)
{
    if (!service || atomic_fetch_sub(&service->references, 1) > 1)
        return;
    addresses_free(service->addresses);
    free(service);
}

static void wake_service(struct registry *registry, const struct registry_service *service)
{
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        if (entry->service == service && entry->task)
            task_wake(entry->task);
    lock_release(&registry->lock);
}

void registry_retire(struct registry *registry, struct registry_service *service)
{
    atomic_store(&service->retired, true);
    wake_service(registry, service);
}

void registry_recheck(struct registry *registry, struct registry_service *service)
{
    atomic_fetch_add(&service->rechecks, 1);
    wake_service(registry, service);
}

unsigned registry_service_rechecks(const struct registry_service *service)
{
    return atomic_load(&service->rechecks);
}

bool registry_service_is_retired(const struct registry_service *service)
{
    return atomic_load(&service->retired);
}

struct registry_counts registry_count_service(struct registry *registry,
                                              const struct registry_service *service)
{
    lock_take(&registry->lock);
    struct registry_counts counts = service->counts;
    lock_release(&registry->lock);
    return counts;
}

size_t registry_open_from(struct registry *registry, const struct registry_service *service,
                          const struct peer_key *address)
{
    lock_take(&registry->lock);
    size_t open = addresses_open(service->addresses, address);
    lock_release(&registry->lock);
    return open;
}
