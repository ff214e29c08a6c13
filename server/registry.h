/* The open connections of a server, so that draining can wait for them and cut them. Entered by
 * any thread; one lock of its own, under which nothing is called but actpass_abort. */
#ifndef ACTPASS_SERVER_REGISTRY_H
#define ACTPASS_SERVER_REGISTRY_H

#include "server/actpass.h"

#include <stdbool.h>
#include <stddef.h>

struct registry;

/* One connection, inside the memory of its owner. */
struct registry_entry {
    actpass_conn *conn;
    size_t service; /* its number, from 0 */
    bool decided;   /* there is a role; guarded by the registry's lock once added */
    struct registry_entry *previous, *next;
};

/* NULL with errno when memory or descriptors are short. */
struct registry *registry_new(size_t service_count);
void registry_free(struct registry *registry); /* empty, or NULL */

/* From registry_add to registry_remove the connection must be alive. */
void registry_add(struct registry *registry, struct registry_entry *entry);
void registry_remove(struct registry *registry, struct registry_entry *entry);

/* Notes that the connection has its role. */
void registry_decided(struct registry *registry, struct registry_entry *entry);

size_t registry_count(struct registry *registry);
size_t registry_service_count(struct registry *registry, size_t service);

/* Aborts every connection, or those of one service that have no role yet. Returns how many. */
size_t registry_abort_all(struct registry *registry);
size_t registry_abort_undecided(struct registry *registry, size_t service);

/* Asks for a sign at the next registry_remove: ask first, look at the counts, then poll the
 * descriptor for POLLIN. Asking again takes back an old sign. For one thread. */
void registry_watch(struct registry *registry);
int registry_watch_fd(const struct registry *registry);

#endif
