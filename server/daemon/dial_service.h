/* One connection that we open: dial, handshake, conversation, close, all on one thread. */
#ifndef ACTPASS_SERVER_DAEMON_DIAL_SERVICE_H
#define ACTPASS_SERVER_DAEMON_DIAL_SERVICE_H

#include "server/daemon/state.h"

/* Takes an accepted local connection, also on failure, and has one dialed and bridged to it on a
 * thread of the pool; never waits. 0, or the errno of what was short: then it was dropped. For the
 * accepting thread. */
int dial_service_bridge(struct server *server, struct service *service, int plain);

/* Opens a connection and converses on the calling thread. Returns for how long TLS was up, in
 * milliseconds; -1: it never was. Failures were reported. */
int64_t dial_service_once(struct server *server, struct service *service);

#endif
