/* A gate without TLS: local clients that say which name they want, and are joined to a connection
 * of that device. */
#ifndef ACTPASS_SERVER_FLEET_PLAIN_H
#define ACTPASS_SERVER_FLEET_PLAIN_H

#include "server/daemon/state.h"

/* Takes an accepted client, also on failure; a task of its own attends to it until it is joined.
 * From then on it is the device's conversation that has it. 0, or the errno of what was short: then
 * it was dropped. For the accept thread. */
int plain_gate_begin(struct server *server, struct service *service, int fd);

#endif
