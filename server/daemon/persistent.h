/* Services that keep one connection up ("persistent"): each has a thread that dials, converses,
 * waits, and begins again, until the server stops. */
#ifndef ACTPASS_SERVER_DAEMON_PERSISTENT_H
#define ACTPASS_SERVER_DAEMON_PERSISTENT_H

#include "server/daemon/state.h"

/* False: a thread was not to be had, and that was reported; those that were started end when the
 * server stops. */
bool persistent_start(actpass_server *server);

#endif
