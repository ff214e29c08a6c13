#include "server/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct registry {
    int watch_fd; /* constant */

    pthread_mutex_t lock; /* guards all that follows */
    struct registry_entry *first;
    size_t count;
    bool watched; /* somebody wants to know of the next removal */
    size_t service_counts[];
};

struct registry *registry_new(size_t service_count)
{
    struct registry *registry =
        calloc(1, sizeof(*registry) + service_count * sizeof(registry->service_counts[0]));
    if (registry == NULL) {
        return NULL;
    }
    registry->watch_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (registry->watch_fd < 0) {
        goto out_free;
    }
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
    if (registry == NULL) {
        return;
    }
    pthread_mutex_destroy(&registry->lock);
    close(registry->watch_fd);
    free(registry);
}

void registry_add(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    entry->previous = NULL;
    entry->next = registry->first;
    if (registry->first != NULL) {
        registry->first->previous = entry;
    }
    registry->first = entry;
    registry->count++;
    registry->service_counts[entry->service]++;
    pthread_mutex_unlock(&registry->lock);
}

void registry_remove(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        registry->first = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    }
    registry->count--;
    registry->service_counts[entry->service]--;
    bool watched = registry->watched;
    registry->watched = false;
    pthread_mutex_unlock(&registry->lock);

    if (watched) {
        uint64_t one = 1;
        ssize_t written = write(registry->watch_fd, &one, sizeof(one));
        (void)written; /* fails only when the sign is there already */
    }
}

void registry_set(struct registry *registry, struct registry_entry *entry, actpass_conn *conn,
                  bool connecting)
{
    pthread_mutex_lock(&registry->lock);
    entry->conn = conn;
    entry->connecting = connecting;
    pthread_mutex_unlock(&registry->lock);
}

void registry_connected(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    entry->connecting = false;
    pthread_mutex_unlock(&registry->lock);
}

void registry_decided(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    entry->decided = true;
    pthread_mutex_unlock(&registry->lock);
}

size_t registry_count(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    size_t count = registry->count;
    pthread_mutex_unlock(&registry->lock);
    return count;
}

size_t registry_service_count(struct registry *registry, size_t service)
{
    pthread_mutex_lock(&registry->lock);
    size_t count = registry->service_counts[service];
    pthread_mutex_unlock(&registry->lock);
    return count;
}

size_t registry_open(struct registry *registry)
{
    size_t open = 0;
    pthread_mutex_lock(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry != NULL; entry = entry->next) {
        open += entry->conn != NULL;
    }
    pthread_mutex_unlock(&registry->lock);
    return open;
}

static size_t abort_some(struct registry *registry,
                         bool (*chosen)(const struct registry_entry *entry, size_t service),
                         size_t service)
{
    size_t aborted = 0;
    pthread_mutex_lock(&registry->lock);
    for (struct registry_entry *entry = registry->first; entry != NULL; entry = entry->next) {
        if (entry->conn != NULL && chosen(entry, service)) {
            actpass_abort(entry->conn);
            aborted++;
        }
    }
    pthread_mutex_unlock(&registry->lock);
    return aborted;
}

static bool is_any(const struct registry_entry *entry, size_t service)
{
    (void)entry;
    (void)service;
    return true;
}

static bool is_undecided(const struct registry_entry *entry, size_t service)
{
    return entry->service == service && !entry->decided;
}

static bool is_connecting(const struct registry_entry *entry, size_t service)
{
    (void)service;
    return entry->connecting;
}

size_t registry_abort_all(struct registry *registry)
{
    return abort_some(registry, is_any, 0);
}

size_t registry_abort_undecided(struct registry *registry, size_t service)
{
    return abort_some(registry, is_undecided, service);
}

size_t registry_abort_connecting(struct registry *registry)
{
    return abort_some(registry, is_connecting, 0);
}

void registry_watch(struct registry *registry)
{
    uint64_t signs;
    ssize_t got = read(registry->watch_fd, &signs, sizeof(signs));
    (void)got; /* EAGAIN: there was no sign */
    pthread_mutex_lock(&registry->lock);
    registry->watched = true;
    pthread_mutex_unlock(&registry->lock);
}

int registry_watch_fd(const struct registry *registry)
{
    return registry->watch_fd;
}
