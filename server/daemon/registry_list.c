/* The registry: the list of connections, and who looks at all of them. */
#include "server/daemon/registry_internal.h"

#include "relay/clock.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    if (!registry)
        return NULL;
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
    free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    pthread_mutex_destroy(&registry->lock);
    close(registry->watch_fd);
    free(registry);
}

/* PREVIOUS and NEXT are neighbours; NULL: there is none on that side. The lock is held. */
static void link_between(struct registry *registry, struct registry_entry *entry,
                         struct registry_entry *previous, struct registry_entry *next)
{
    entry->previous = previous;
    entry->next = next;
    if (previous)
        previous->next = entry;
    else
        registry->first = entry;
    if (next)
        next->previous = entry;
}

/* The lock is held. */
static void unlink_entry(struct registry *registry, const struct registry_entry *entry)
{
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        registry->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
}

/* The lock is held. */
static void add(struct registry *registry, struct registry_entry *entry)
{
    link_between(registry, entry, NULL, registry->first);
    registry->count++;
    registry->passing += entry->service->kind == REGISTRY_PASSING;
    entry->service->counts.all++;
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
    bool added = addresses_add(entry->service->addresses, &entry->from, address, clock_now_us());
    if (added)
        add(registry, entry);
    lock_release(&registry->lock);
    return added;
}

void registry_remove(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    struct registry_service *service = entry->service;
    unlink_entry(registry, entry);
    registry->count--;
    registry->passing -= service->kind == REGISTRY_PASSING;
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

size_t registry_count(struct registry *registry)
{
    lock_take(&registry->lock);
    size_t count = registry->count;
    lock_release(&registry->lock);
    return count;
}

size_t registry_count_passing(struct registry *registry)
{
    lock_take(&registry->lock);
    size_t count = registry->passing;
    lock_release(&registry->lock);
    return count;
}

void registry_wake_all(struct registry *registry)
{
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        if (entry->task)
            task_wake(entry->task);
    lock_release(&registry->lock);
}

/* ---- A look at all of them ----------------------------------------------------------------- */

bool registry_look(struct registry *registry, struct registry_cursor *cursor, size_t count,
                   void (*see)(struct registry_entry *entry, void *arg), void *arg)
{
    struct registry_entry *mark = &cursor->mark;
    lock_take(&registry->lock);
    struct registry_entry *entry = cursor->placed ? mark->next : registry->first;
    struct registry_entry *previous = cursor->placed ? mark->previous : NULL;
    if (cursor->placed)
        unlink_entry(registry, mark);
    for (size_t seen = 0; entry && seen < count; entry = entry->next) {
        previous = entry;
        if (!registry_is_open(entry))
            continue;
        see(entry, arg);
        seen++;
    }
    cursor->placed = entry;
    if (entry)
        link_between(registry, mark, previous, entry);
    lock_release(&registry->lock);
    return entry;
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
