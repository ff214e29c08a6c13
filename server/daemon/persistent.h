/* Persistent services, which keep one connection up: each has a thread that dials, runs the
 * conversation, waits, and dials again until the server stops. */
#ifndef ACTPASS_SERVER_DAEMON_PERSISTENT_H
#define ACTPASS_SERVER_DAEMON_PERSISTENT_H

#include "server/daemon/state.h"

/* False: a thread could not be started, which was logged; the threads that were started end when
 * the server stops. */
bool persistent_start(struct server *server);

#endif
