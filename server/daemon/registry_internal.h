/* Shared by the files of the registry only (registry.h):
 *
 *   registry_list.c     the list: who comes, who goes, and who looks at all of them
 *   registry_entry.c    what is noted of one connection
 *   registry_service.c  the connections of one service
 *   registry_abort.c    which connections are open; aborting them, and making way */
#ifndef ACTPASS_SERVER_REGISTRY_INTERNAL_H
#define ACTPASS_SERVER_REGISTRY_INTERNAL_H

#include "relay/lock.h"
#include "server/daemon/registry.h"

#include <pthread.h>
#include <stdatomic.h>

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

/* Has it a connection, or a socket in its preface? The lock is held. */
static inline bool registry_is_open(const struct registry_entry *entry)
{
    return entry->conn || entry->in_preface;
}

#endif
