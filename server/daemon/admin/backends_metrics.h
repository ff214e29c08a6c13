/* The backends of "forward" for /metrics: which are left out, and how many connections each has. */
#ifndef ACTPASS_SERVER_ADMIN_BACKENDS_METRICS_H
#define ACTPASS_SERVER_ADMIN_BACKENDS_METRICS_H

#include "server/daemon/handlers/backends.h"
#include "server/daemon/service.h"

/* Calls SEE with ARG for each: of the handlers of both roles ("as_server", "as_client") and of the
 * routes, by their names. */
typedef void see_backend(const char *service, const char *route, const char *backend,
                         struct backends_state state, void *arg);
void backends_metrics_each(const struct service *service, see_backend *see, void *arg);

#endif
