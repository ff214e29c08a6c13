#include "server/daemon/registry.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct registry {
    int watch_fd;         /* constant */
    size_t service_count; /* constant */

    pthread_mutex_t lock; /* guards all that follows */
    struct registry_entry *first;
    size_t count;
    bool watched; /* registry_watch was called: notify at the next removal */
    struct of_service {
        struct registry_counts counts;
        struct addresses *addresses;
    } services[];
};

static bool make_addresses(struct registry *registry, size_t count)
{
    registry->service_count = count;
    bool made = true;
    for (size_t i = 0; i < count; i++) {
        registry->services[i].addresses = addresses_new();
        made = made && registry->services[i].addresses;
    }
    return made;
}

static void free_addresses(struct registry *registry)
{
    for (size_t i = 0; i < registry->service_count; i++)
        addresses_free(registry->services[i].addresses);
}

struct registry *registry_new(size_t service_count)
{
    struct registry *registry =
        calloc(1, sizeof(*registry) + service_count * sizeof(registry->services[0]));
    if (!registry)
        return NULL;
    if (!make_addresses(registry, service_count)) {
        errno = ENOMEM;
        goto out_free;
    }
    registry->watch_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (registry->watch_fd < 0)
        goto out_free;
    int error = pthread_mutex_init(&registry->lock, NULL);
    if (error != 0) {
        errno = error;
        goto out_close;
    }
    return registry;

out_close:
    close(registry->watch_fd);
out_free:
    free_addresses(registry);
    free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    pthread_mutex_destroy(&registry->lock);
    close(registry->watch_fd);
    free_addresses(registry);
    free(registry);
}

/* The lock is held. */
static void add(struct registry *registry, struct registry_entry *entry)
{
    entry->previous = NULL;
    entry->next = registry->first;
    if (registry->first)
        registry->first->previous = entry;
    registry->first = entry;
    registry->count++;
    registry->services[entry->service].counts.all++;
}

void registry_add(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    add(registry, entry);
    lock_release(&registry->lock);
}

bool registry_add_from(struct registry *registry, struct registry_entry *entry,
                       const struct peer_key *address)
{
    lock_take(&registry->lock);
    bool added = addresses_add(registry->services[entry->service].addresses, &entry->from, address,
                               clock_now_us());
    if (added)
        add(registry, entry);
    lock_release(&registry->lock);
    return added;
}

void registry_remove(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        registry->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    registry->count--;
    struct of_service *service = &registry->services[entry->service];
    service->counts.all--;
    service->counts.leaving -= entry->made_way;
    addresses_remove(service->addresses, &entry->from);
    bool watched = registry->watched;
    registry->watched = false;
    lock_release(&registry->lock);

    if (watched) {
        uint64_t one = 1;
        ssize_t written = write(registry->watch_fd, &one, sizeof(one));
        (void)written; /* fails only if the notification is pending already */
    }
}

void registry_attach(struct registry *registry, struct registry_entry *entry, actpass_conn *conn)
{
    lock_take(&registry->lock);
    entry->conn = conn;
    lock_release(&registry->lock);
}

void registry_set_task(struct registry *registry, struct registry_entry *entry, struct task *task)
{
    lock_take(&registry->lock);
    entry->task = task;
    lock_release(&registry->lock);
}

void registry_wake_all(struct registry *registry)
{
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        if (entry->task)
            task_wake(entry->task);
    lock_release(&registry->lock);
}

void registry_decided(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    entry->decided = true;
    lock_release(&registry->lock);
}

void registry_established(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    addresses_settle(registry->services[entry->service].addresses, &entry->from);
    lock_release(&registry->lock);
}

size_t registry_count(struct registry *registry)
{
    lock_take(&registry->lock);
    size_t count = registry->count;
    lock_release(&registry->lock);
    return count;
}

struct registry_counts registry_count_service(struct registry *registry, size_t service)
{
    lock_take(&registry->lock);
    struct registry_counts counts = registry->services[service].counts;
    lock_release(&registry->lock);
    return counts;
}

static bool is_any(const struct registry_entry *entry, size_t service)
{
    (void)entry;
    (void)service;
    return true;
}

static bool is_of_service(const struct registry_entry *entry, size_t service)
{
    return entry->service == service;
}

static size_t count_open(struct registry *registry,
                         bool (*chosen)(const struct registry_entry *entry, size_t service),
                         size_t service)
{
    size_t open = 0;
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        open += entry->conn && chosen(entry, service);
    lock_release(&registry->lock);
    return open;
}

size_t registry_open(struct registry *registry)
{
    return count_open(registry, is_any, 0);
}

size_t registry_service_open(struct registry *registry, size_t service)
{
    return count_open(registry, is_of_service, service);
}

/* The task may wait for a socket that nobody watches. */
static void abort_entry(struct registry_entry *entry)
{
    actpass_abort(entry->conn);
    if (entry->task)
        task_wake(entry->task);
}

static size_t abort_some(struct registry *registry,
                         bool (*chosen)(const struct registry_entry *entry, size_t service),
                         size_t service)
{
    size_t aborted = 0;
    lock_take(&registry->lock);
    for (struct registry_entry *entry = registry->first; entry; entry = entry->next) {
        if (entry->conn && chosen(entry, service)) {
            abort_entry(entry);
            aborted++;
        }
    }
    lock_release(&registry->lock);
    return aborted;
}

static bool is_undecided(const struct registry_entry *entry, size_t service)
{
    return entry->service == service && !entry->decided;
}

size_t registry_abort_all(struct registry *registry)
{
    return abort_some(registry, is_any, 0);
}

size_t registry_abort_undecided(struct registry *registry, size_t service)
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
static struct registry_entry *choose(const struct of_service *service, uint64_t above,
                                     int64_t *again_us)
{
    struct address_entry *first = addresses_first_to_go(service->addresses);
    *again_us = DEADLINE_NEVER;
    if (!first || addresses_most_undecided(service->addresses) <= above)
        return NULL;
    struct registry_entry *entry = entry_of(first);
    int64_t from_us = first->since_us + (entry->decided ? WAY_HANDSHAKE_US : WAY_SILENT_US);
    if (!entry->conn || clock_now_us() < from_us) {
        *again_us = from_us;
        return NULL;
    }
    *again_us = 0;
    return entry;
}

int64_t registry_make_way(struct registry *registry, size_t number, uint64_t above)
{
    struct of_service *service = &registry->services[number];
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

size_t registry_open_from(struct registry *registry, size_t service, const struct peer_key *address)
{
    lock_take(&registry->lock);
    size_t open = addresses_open(registry->services[service].addresses, address);
    lock_release(&registry->lock);
    return open;
}

bool registry_made_way(struct registry *registry, const struct registry_entry *entry)
{
    lock_take(&registry->lock);
    bool made_way = entry->made_way;
    lock_release(&registry->lock);
    return made_way;
}

void registry_watch(struct registry *registry)
{
    uint64_t signs;
    ssize_t got = read(registry->watch_fd, &signs, sizeof(signs));
    (void)got; /* EAGAIN: no notification was pending */
    lock_take(&registry->lock);
    registry->watched = true;
    lock_release(&registry->lock);
}

int registry_watch_fd(const struct registry *registry)
{
    return registry->watch_fd;
}
