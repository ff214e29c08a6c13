/* What /status and /metrics say of the pools (fleet/). */
#ifndef ACTPASS_SERVER_ADMIN_POOLS_H
#define ACTPASS_SERVER_ADMIN_POOLS_H

#include "server/daemon/admin/out.h"
#include "server/daemon/fleet/fleet.h"
#include "server/daemon/fleet/shares.h"

/* The member "pools" of /status. Add WALL_US to CLOCK_MONOTONIC for microseconds since 1970. */
void pools_write_status(struct fleet *fleet, struct shares *shares, int64_t wall_us,
                        struct out *out);

/* Labels are the pool and fixed words, never a device's name. */
void pools_write_metrics(struct fleet *fleet, struct out *out);

#endif
