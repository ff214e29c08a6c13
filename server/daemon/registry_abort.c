/* The registry: which connections are open; aborting them, and making way. */
#include "server/daemon/registry_internal.h"

#include "relay/clock.h"

static bool is_any(const struct registry_entry *entry, const struct registry_service *service)
{
    (void)entry;
    (void)service;
    return true;
}

static bool is_of_service(const struct registry_entry *entry,
                          const struct registry_service *service)
{
    return entry->service == service;
}

typedef bool choice(const struct registry_entry *entry, const struct registry_service *service);

static size_t count_open(struct registry *registry, choice *chosen,
                         const struct registry_service *service)
{
    size_t open = 0;
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        open += registry_is_open(entry) && chosen(entry, service);
    lock_release(&registry->lock);
    return open;
}

size_t registry_open(struct registry *registry)
{
    return count_open(registry, is_any, NULL);
}

size_t registry_service_open(struct registry *registry, const struct registry_service *service)
{
    return count_open(registry, is_of_service, service);
}

/* The task may wait for a socket that nobody watches. */
static void abort_entry(struct registry_entry *entry)
{
    if (entry->conn)
        actpass_abort(entry->conn);
    else
        entry->cancelled = true;
    if (entry->task)
        task_wake(entry->task);
}

static size_t abort_some(struct registry *registry, choice *chosen,
                         const struct registry_service *service)
{
    size_t aborted = 0;
    lock_take(&registry->lock);
    for (struct registry_entry *entry = registry->first; entry; entry = entry->next) {
        if (registry_is_open(entry) && chosen(entry, service)) {
            abort_entry(entry);
            aborted++;
        }
    }
    lock_release(&registry->lock);
    return aborted;
}

static bool is_undecided(const struct registry_entry *entry, const struct registry_service *service)
{
    return entry->service == service && !entry->decided;
}

size_t registry_abort_all(struct registry *registry)
{
    return abort_some(registry, is_any, NULL);
}

size_t registry_abort_service(struct registry *registry, const struct registry_service *service)
{
    return abort_some(registry, is_of_service, service);
}

size_t registry_abort_undecided(struct registry *registry, const struct registry_service *service)
{
    return abort_some(registry, is_undecided, service);
}

/* ---- Making way ---------------------------------------------------------------------------- */

static struct registry_entry *entry_of(struct address_entry *from)
{
    size_t offset = offsetof(struct registry_entry, from);
    return (struct registry_entry *)(void *)((char *)from - offset);
}

/* The lock is held. Returns the connection that makes way, or NULL with the time to try again. */
static struct registry_entry *choose(const struct registry_service *service, uint64_t above,
                                     int64_t *again_us)
{
    struct address_entry *first = addresses_first_to_go(service->addresses);
    *again_us = DEADLINE_NEVER;
    if (!first || addresses_most_undecided(service->addresses) <= above)
        return NULL;
    struct registry_entry *entry = entry_of(first);
    int64_t from_us = first->since_us + (entry->decided ? WAY_HANDSHAKE_US : WAY_SILENT_US);
    if (!registry_is_open(entry) || clock_now_us() < from_us) {
        *again_us = from_us;
        return NULL;
    }
    *again_us = 0;
    return entry;
}

int64_t registry_make_way(struct registry *registry, struct registry_service *service,
                          uint64_t above)
{
    int64_t again_us;
    lock_take(&registry->lock);
    struct registry_entry *entry = choose(service, above, &again_us);
    if (entry) {
        addresses_settle(service->addresses, &entry->from);
        entry->made_way = true;
        service->counts.leaving++;
        abort_entry(entry);
    }
    lock_release(&registry->lock);
    return again_us;
}
