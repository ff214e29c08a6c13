/* The metrics that every program has, under the names that Prometheus' libraries give them. */
#ifndef ACTPASS_SERVER_ADMIN_PROCESS_H
#define ACTPASS_SERVER_ADMIN_PROCESS_H

#include "server/daemon/admin/out.h"

/* Writes those that the system tells: in a sandbox, /proc may not be there. The process began at
 * BEGAN_US, on clock_now_us' clock. Any thread. */
void process_write(struct out *out, int64_t began_us);

#endif
