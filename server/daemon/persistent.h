/* Persistent services, which keep one connection up: each has a task that dials, runs the
 * conversation, waits, and dials again until the server stops or the service is gone. For the
 * accept thread, but where another one is named. */
#ifndef ACTPASS_SERVER_DAEMON_PERSISTENT_H
#define ACTPASS_SERVER_DAEMON_PERSISTENT_H

#include "server/daemon/state.h"

/* Makes the tasks of a generation's persistent services, but of those that go on with the task and
 * the connection of BEFORE, which may be NULL. False: one could not be made, which was logged;
 * those that were made are to be discarded. Also for the thread that reloads. */
bool persistent_prepare(struct server *server, struct generation *generation,
                        const struct generation *before);

/* Discards tasks that were not started. Also for the thread that reloads. */
void persistent_discard(struct generation *generation);

/* Starts the tasks that were made, and lets those of BEFORE go on with the settings of the new
 * services from their next dial on. */
void persistent_start(struct generation *generation, struct generation *before);

#endif
