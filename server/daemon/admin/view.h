/* What /status and /metrics show of the server beside the counters: the open connections, and the
 * certificates that were loaded. */
#ifndef ACTPASS_SERVER_ADMIN_VIEW_H
#define ACTPASS_SERVER_ADMIN_VIEW_H

#include "server/daemon/admin/snapshot.h"
#include "server/daemon/state.h"

#include <stddef.h>

/* How many connections of each service are open, by state. A service is known by the index of its
 * service_stats. */
struct view_counts {
    uint64_t (*of)[SNAPSHOT_STATES];
    size_t services;
    uint64_t open; /* in all */
};

/* Counts the open connections, and their bytes (stats_bytes), and calls SEE with ARG for copies of
 * the newest, up to COUNT. Takes the registry's lock for a few connections at a time. The caller
 * frees the counts with view_counts_free. False: out of memory. */
bool view_connections(struct server *server, size_t count,
                      void (*see)(const struct snapshot *snapshot, void *arg), void *arg,
                      struct view_counts *counts);
void view_counts_free(struct view_counts *counts);

/* The numbers of a service; all zero for one that is not counted. */
const uint64_t *view_counts_of(const struct view_counts *counts,
                               const struct service_stats *service);

/* Calls SEE for each certificate of a service, in the library's order. */
void view_certificates(struct service *service,
                       void (*see)(const actpass_certificate_t *certificate, unsigned index,
                                   void *arg),
                       void *arg);

#endif
