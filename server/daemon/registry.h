/* The open connections of a server, so that draining can wait for them and abort them. Any thread;
 * one lock of its own, under which nothing is called but actpass_abort and task_wake. */
#ifndef ACTPASS_SERVER_REGISTRY_H
#define ACTPASS_SERVER_REGISTRY_H

#include "server/daemon/addresses.h"
#include "server/daemon/crew/crew.h"
#include "server/include/actpass.h"

#include <stdbool.h>
#include <stddef.h>

struct registry;

/* One connection, inside the memory of its owner, or a task that will have one; draining waits for
 * both. Members marked with * are guarded by the registry's lock once added. */
struct registry_entry {
    actpass_conn *conn;        /* *; NULL: no connection now, only a task that dials */
    struct task *task;         /* *; NULL: it has none yet */
    size_t service;            /* its number, from 0 */
    bool decided;              /* *; there is a role */
    bool made_way;             /* *; it was aborted by registry_make_way */
    struct address_entry from; /* *; where it came from, with registry_add_from */
    struct registry_entry *previous, *next;
};

/* NULL with errno when memory or descriptors are short. */
struct registry *registry_new(size_t service_count);
void registry_free(struct registry *registry); /* empty, or NULL */

/* The connection must stay alive until registry_remove. */
void registry_add(struct registry *registry, struct registry_entry *entry);
void registry_remove(struct registry *registry, struct registry_entry *entry);

/* As registry_add, for a connection that came from ADDRESS (only the bits that count). It may have
 * to make way until it is established. False: out of memory, and it is not added. */
bool registry_add_from(struct registry *registry, struct registry_entry *entry,
                       const struct peer_key *address);
void registry_established(struct registry *registry, struct registry_entry *entry);

/* Sets the entry's connection. */
void registry_attach(struct registry *registry, struct registry_entry *entry, actpass_conn *conn);

/* Sets the task that runs the entry's connection. The task must not end before registry_remove. */
void registry_set_task(struct registry *registry, struct registry_entry *entry, struct task *task);

/* Notes that the connection's role is decided. */
void registry_decided(struct registry *registry, struct registry_entry *entry);

/* The number of all entries, and of those with a connection. */
size_t registry_count(struct registry *registry);
size_t registry_open(struct registry *registry);
size_t registry_service_open(struct registry *registry, size_t service);

/* The entries of one service, counted at the same moment. */
struct registry_counts {
    size_t all;
    size_t leaving; /* of these: made way, but not removed yet */
};
struct registry_counts registry_count_service(struct registry *registry, size_t service);

/* Aborts every connection, or those of one service that have no role yet. Returns how many. */
size_t registry_abort_all(struct registry *registry);
size_t registry_abort_undecided(struct registry *registry, size_t service);

/* Wakes the tasks of all entries. */
void registry_wake_all(struct registry *registry);

/* ---- Making way ---------------------------------------------------------------------------- */

/* A connection does not make way before this time has passed since its accept, so that clients that
 * arrive together do not displace each other: one time for silent connections, one for those whose
 * role is decided. */
enum { WAY_SILENT_US = 50000, WAY_HANDSHAKE_US = 250000 };

/* Aborts the connection of service NUMBER that makes way next (addresses_first_to_go), if its
 * address has more than ABOVE connections that are not established. Returns 0 if it did; the
 * connection counts until it is removed, which is soon. Otherwise returns when to try again, or
 * DEADLINE_NEVER: there is no such connection. */
int64_t registry_make_way(struct registry *registry, size_t number, uint64_t above);

size_t registry_open_from(struct registry *registry, size_t service,
                          const struct peer_key *address);
bool registry_made_way(struct registry *registry, const struct registry_entry *entry);

/* Requests a notification at the next registry_remove: request it first, read the counts, then poll
 * the descriptor for POLLIN. A new request clears an old notification. For one thread. */
void registry_watch(struct registry *registry);
int registry_watch_fd(const struct registry *registry);

#endif
