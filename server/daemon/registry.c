#include "server/daemon/registry.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct registry {
    int watch_fd; /* constant */

    pthread_mutex_t lock; /* guards all that follows, and what services say so of */
    struct registry_entry *first;
    size_t count, passing; /* passing: of these, those of a service of that kind */
    bool watched;          /* registry_watch was called: notify at the next removal */
};

struct registry_service {
    atomic_uint references;
    atomic_bool retired;
    atomic_uint rechecks;
    enum registry_kind kind; /* constant */

    struct registry_counts counts; /* guarded by the registry's lock, as is the next */
    struct addresses *addresses;
};

/* ---- Services ------------------------------------------------------------------------------ */

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

/* ---- Entries ------------------------------------------------------------------------------- */

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

void registry_attach(struct registry *registry, struct registry_entry *entry, actpass_conn *conn)
{
    lock_take(&registry->lock);
    entry->conn = conn;
    entry->in_preface = false;
    if (entry->cancelled)
        actpass_abort(conn);
    lock_release(&registry->lock);
}

void registry_enter_preface(struct registry *registry, struct registry_entry *entry,
                            struct snapshot_preface *preface)
{
    lock_take(&registry->lock);
    entry->in_preface = true;
    entry->preface = preface;
    lock_release(&registry->lock);
}

void registry_note_preface(struct registry *registry, struct registry_entry *entry,
                           const char *step, const char *peer)
{
    lock_take(&registry->lock);
    if (entry->preface) {
        entry->preface->step = step;
        (void)snprintf(entry->preface->peer, sizeof(entry->preface->peer), "%s", peer);
    }
    lock_release(&registry->lock);
}

void registry_forget_preface(struct registry *registry, struct registry_entry *entry)
{
    lock_take(&registry->lock);
    entry->preface = NULL;
    lock_release(&registry->lock);
}

bool registry_is_cancelled(struct registry *registry, const struct registry_entry *entry)
{
    lock_take(&registry->lock);
    bool cancelled = entry->cancelled;
    lock_release(&registry->lock);
    return cancelled;
}

/* The lock is held. */
static enum registry_moved move(struct registry_entry *entry, const struct peer_key *address,
                                uint64_t max)
{
    struct addresses *addresses = entry->service->addresses;
    bool undecided = entry->from.undecided;
    addresses_remove(addresses, &entry->from); /* first: it may be the same address */
    if (max > 0 && addresses_open(addresses, address) >= max)
        return REGISTRY_TOO_MANY;
    if (!addresses_add(addresses, &entry->from, address, clock_now_us()))
        return REGISTRY_NO_MEMORY;
    if (!undecided)
        addresses_settle(addresses, &entry->from);
    return REGISTRY_MOVED;
}

enum registry_moved registry_move(struct registry *registry, struct registry_entry *entry,
                                  const struct peer_key *address, uint64_t max)
{
    lock_take(&registry->lock);
    enum registry_moved moved = move(entry, address, max);
    lock_release(&registry->lock);
    return moved;
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
    addresses_settle(entry->service->addresses, &entry->from);
    lock_release(&registry->lock);
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

struct registry_counts registry_count_service(struct registry *registry,
                                              const struct registry_service *service)
{
    lock_take(&registry->lock);
    struct registry_counts counts = service->counts;
    lock_release(&registry->lock);
    return counts;
}

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

static bool is_open(const struct registry_entry *entry)
{
    return entry->conn || entry->in_preface;
}

static size_t count_open(struct registry *registry, choice *chosen,
                         const struct registry_service *service)
{
    size_t open = 0;
    lock_take(&registry->lock);
    for (const struct registry_entry *entry = registry->first; entry; entry = entry->next)
        open += is_open(entry) && chosen(entry, service);
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
        if (is_open(entry) && chosen(entry, service)) {
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
    if (!is_open(entry) || clock_now_us() < from_us) {
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

size_t registry_open_from(struct registry *registry, const struct registry_service *service,
                          const struct peer_key *address)
{
    lock_take(&registry->lock);
    size_t open = addresses_open(service->addresses, address);
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
        if (!is_open(entry))
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

void registry_count_bytes(struct registry *registry, struct registry_entry *entry,
                          const actpass_info_t *info)
{
    lock_take(&registry->lock);
    stats_bytes(entry->stats, info, &entry->counted);
    lock_release(&registry->lock);
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
