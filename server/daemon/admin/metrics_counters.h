/* The counters of services for /metrics. */
#ifndef ACTPASS_SERVER_ADMIN_METRICS_COUNTERS_H
#define ACTPASS_SERVER_ADMIN_METRICS_COUNTERS_H

#include "server/daemon/admin/out.h"
#include "server/daemon/admin/stats.h"

/* FIRST: of the list of all; NULL: there is none. */
void metrics_counters(struct out *out, const struct service_stats *first);

#endif
