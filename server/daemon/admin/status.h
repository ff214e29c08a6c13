/* /status: README.md has an example. */
#ifndef ACTPASS_SERVER_ADMIN_STATUS_H
#define ACTPASS_SERVER_ADMIN_STATUS_H

#include "server/daemon/admin/out.h"

struct server;
struct snapshot;

/* How many open connections are listed. */
enum { STATUS_CONNECTIONS_DEFAULT = 1000, STATUS_CONNECTIONS_MAX = 50000 };

/* Writes the whole text, with up to CONNECTIONS of the open ones. The thread of the listener. */
void status_write(struct server *server, size_t connections, struct out *out);

/* Writes one connection, as an item of a list. */
struct status_clock {
    int64_t wall_ms;      /* since 1970 */
    int64_t monotonic_us; /* at the same moment */
};
void status_write_connection(const struct snapshot *snapshot, const struct status_clock *clock,
                             struct out *out);

#endif
