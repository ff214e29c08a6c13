/* The open connections of a server, so that draining can wait for them and abort them. Any thread;
 * one lock of its own, under which nothing is called but actpass_abort, actpass_info and
 * task_wake. */
#ifndef ACTPASS_SERVER_REGISTRY_H
#define ACTPASS_SERVER_REGISTRY_H

#include "server/daemon/addresses.h"
#include "server/daemon/admin/stats.h"
#include "server/daemon/crew/crew.h"
#include "server/include/actpass.h"

#include <stdbool.h>
#include <stddef.h>

struct registry;

/* The connections of one service: their number, their addresses, and whether the service is still
 * there. A reload hands it on to the service of the same name, so that limits go on counting.
 * Counted references; each entry's owner must hold one. */
struct registry_service;

/* One connection, inside the memory of its owner, or a task that will have one; draining waits for
 * both. Members marked with * are guarded by the registry's lock once added. */
struct registry_entry {
    actpass_conn *conn; /* *; NULL: no connection now, only a task that dials */
    struct task *task;  /* *; NULL: it has none yet */
    struct registry_service *service;
    bool in_preface; /* *; it has a socket, and no connection yet (preface/preface.h) */
    struct snapshot_preface *preface; /* *; with that, for who looks on; NULL: nothing is known */
    bool cancelled;                   /* *; it was aborted in its preface */
    bool decided;                     /* *; there is a role */
    bool made_way;                    /* *; it was aborted by registry_make_way */
    struct address_entry from;        /* *; where it came from, with registry_add_from */
    struct service_stats *stats;      /* who counts it; NULL: nobody */
    struct snapshot_origin
        origin;                 /* constant from registry_attach, or registry_enter_preface, on */
    struct stats_bytes counted; /* *; by stats_bytes */
    struct registry_entry *previous, *next;
};

/* NULL with errno when memory or descriptors are short. */
struct registry *registry_new(void);
void registry_free(struct registry *registry); /* empty, or NULL */

/* Whose connections come and go, or stay as long as the service does. */
enum registry_kind { REGISTRY_PASSING, REGISTRY_LASTING };

/* NULL: out of memory. The caller has the one reference. */
struct registry_service *registry_service_new(enum registry_kind kind);
struct registry_service *registry_service_hold(struct registry_service *service);
void registry_service_release(struct registry_service *service); /* accepts NULL */

/* Notes that the service is gone, and wakes the tasks of its connections, which see that by
 * registry_service_is_retired and end as soon as they can, as when the server stops. */
void registry_retire(struct registry *registry, struct registry_service *service);
bool registry_service_is_retired(const struct registry_service *service);

/* Notes that the service has newer settings, by which its open connections are to be judged again,
 * and wakes their tasks. They see it by the number of such calls so far, which only differs. */
void registry_recheck(struct registry *registry, struct registry_service *service);
unsigned registry_service_rechecks(const struct registry_service *service);

/* The connection must stay alive until registry_remove. */
void registry_add(struct registry *registry, struct registry_entry *entry);
void registry_remove(struct registry *registry, struct registry_entry *entry);

/* As registry_add, for a connection that came from ADDRESS (only the bits that count). It may have
 * to make way until it is established. False: out of memory, and it is not added. */
bool registry_add_from(struct registry *registry, struct registry_entry *entry,
                       const struct peer_key *address);
void registry_established(struct registry *registry, struct registry_entry *entry);

/* Says that it has a socket in its preface, of which PREFACE, all zero, tells who looks on. Its
 * task looks at registry_is_cancelled whenever it is woken, and ends it then. It makes way, and is
 * aborted, as a connection is. */
void registry_enter_preface(struct registry *registry, struct registry_entry *entry,
                            struct snapshot_preface *preface);
bool registry_is_cancelled(struct registry *registry, const struct registry_entry *entry);

/* Notes what PREFACE is to tell. Texts are copied, but STEP, which lives for ever. */
void registry_note_preface(struct registry *registry, struct registry_entry *entry,
                           const char *step, const char *peer);

/* From now on PREFACE is the caller's again. It still counts as in its preface. */
void registry_forget_preface(struct registry *registry, struct registry_entry *entry);

/* Counts it as a connection from ADDRESS from now on, if it was added with registry_add_from, and
 * has to make way as one that has just come. Refuses that if ADDRESS has MAX connections (0: any
 * number of them); then, and without memory, it is counted nowhere, and is to end. */
enum registry_moved { REGISTRY_MOVED, REGISTRY_TOO_MANY, REGISTRY_NO_MEMORY };
enum registry_moved registry_move(struct registry *registry, struct registry_entry *entry,
                                  const struct peer_key *address, uint64_t max);

/* Sets the entry's connection, and ends its preface. It is aborted if that was cancelled. */
void registry_attach(struct registry *registry, struct registry_entry *entry, actpass_conn *conn);

/* Sets the task that runs the entry's connection. The task must not end before registry_remove. */
void registry_set_task(struct registry *registry, struct registry_entry *entry, struct task *task);

/* Notes that the connection's role is decided. */
void registry_decided(struct registry *registry, struct registry_entry *entry);

/* The number of all entries, and of those with a connection, or in its preface. */
size_t registry_count(struct registry *registry);
size_t registry_open(struct registry *registry);
size_t registry_service_open(struct registry *registry, const struct registry_service *service);

/* The number of entries of services whose connections come and go. */
size_t registry_count_passing(struct registry *registry);

/* The entries of one service, counted at the same moment. */
struct registry_counts {
    size_t all;
    size_t leaving; /* of these: made way, but not removed yet */
};
struct registry_counts registry_count_service(struct registry *registry,
                                              const struct registry_service *service);

/* Aborts every connection, those of one service, or those of one service that have no role yet.
 * Returns how many. */
size_t registry_abort_all(struct registry *registry);
size_t registry_abort_service(struct registry *registry, const struct registry_service *service);
size_t registry_abort_undecided(struct registry *registry, const struct registry_service *service);

/* Wakes the tasks of all entries. */
void registry_wake_all(struct registry *registry);

/* ---- Making way ---------------------------------------------------------------------------- */

/* A connection does not make way before this time has passed since its accept, so that clients that
 * arrive together do not displace each other: one time for silent connections, one for those whose
 * role is decided. */
enum { WAY_SILENT_US = 50000, WAY_HANDSHAKE_US = 250000 };

/* Aborts the connection of SERVICE that makes way next (addresses_first_to_go), if its
 * address has more than ABOVE connections that are not established. Returns 0 if it did; the
 * connection counts until it is removed, which is soon. Otherwise returns when to try again, or
 * DEADLINE_NEVER: there is no such connection. */
int64_t registry_make_way(struct registry *registry, struct registry_service *service,
                          uint64_t above);

size_t registry_open_from(struct registry *registry, const struct registry_service *service,
                          const struct peer_key *address);
bool registry_made_way(struct registry *registry, const struct registry_entry *entry);

/* ---- A look at all of them ----------------------------------------------------------------- */

/* A place between the entries; all zero: before the first. It is in the registry between two calls,
 * so registry_look must be called until it returns false. */
struct registry_cursor {
    struct registry_entry mark;
    bool placed;
};

/* Calls SEE, with the lock held, for up to COUNT connections from the cursor on, the newest first;
 * entry->conn is NULL in the preface. Connections that come meanwhile are left out. Returns true if
 * there may be more. */
bool registry_look(struct registry *registry, struct registry_cursor *cursor, size_t count,
                   void (*see)(struct registry_entry *entry, void *arg), void *arg);

/* To be called before registry_remove, once the connection has closed: counts its last bytes. */
void registry_count_bytes(struct registry *registry, struct registry_entry *entry,
                          const actpass_info_t *info);

/* Requests a notification at the next registry_remove: request it first, read the counts, then poll
 * the descriptor for POLLIN. A new request clears an old notification. For one thread. */
void registry_watch(struct registry *registry);
int registry_watch_fd(const struct registry *registry);

#endif
