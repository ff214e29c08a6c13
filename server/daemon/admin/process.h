/* The metrics that every program has, under the names that Prometheus' libraries give them. */
#ifndef ACTPASS_SERVER_ADMIN_PROCESS_H
#define ACTPASS_SERVER_ADMIN_PROCESS_H

#include "server/daemon/admin/out.h"

/* Writes those that the system tells: in a sandbox, /proc may not be there. The process began at
 * BEGAN_WALL_MS: milliseconds since 1970, and always the same, since another value means a restart.
 * Any thread. */
void process_write(struct out *out, int64_t began_wall_ms);

#endif
