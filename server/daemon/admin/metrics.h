/* /metrics: what Prometheus reads (its text format, version 0.0.4). */
#ifndef ACTPASS_SERVER_ADMIN_METRICS_H
#define ACTPASS_SERVER_ADMIN_METRICS_H

#include "server/daemon/admin/out.h"

struct server;

/* Labels have values of the configuration and of fixed lists only, so peers cannot add any. The
 * thread of the listener. */
void metrics_write(struct server *server, struct out *out);

#endif
