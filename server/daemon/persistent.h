/* Persistent services, which keep one connection up: each has a task that dials, runs the
 * conversation, waits, and dials again until the server stops. */
#ifndef ACTPASS_SERVER_DAEMON_PERSISTENT_H
#define ACTPASS_SERVER_DAEMON_PERSISTENT_H

#include "server/daemon/state.h"

/* False: a task could not be made, which was logged; those that were made end when the server
 * stops. */
bool persistent_start(struct server *server);

#endif
