/* The counters of a running server in its log. */
#ifndef ACTPASS_SERVER_STATUS_H
#define ACTPASS_SERVER_STATUS_H

#include "server/daemon/state.h"

/* Logs the counters of all services together, as that event. Any thread. */
void status_log_totals(struct server *server, const char *event);

/* Logs how many connections each service of the generation has. Any thread. */
void status_log_services(struct server *server, const struct generation *generation);

#endif
