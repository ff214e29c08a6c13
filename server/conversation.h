/* One accepted connection from its accept to its last line in the log: the wait for the role, the
 * handshake, the service, the close. */
#ifndef ACTPASS_SERVER_CONVERSATION_H
#define ACTPASS_SERVER_CONVERSATION_H

#include "server/server.h"

/* Takes the socket, also on failure, and never waits. Relay transport: the relay's thread waits for the role, then
 * a conversation thread is started. Direct transport: that is started at once. Returns 0, or the
 * errno of what was short: then the connection was dropped. For the accepting thread. */
int conversation_begin(actpass_server *server, struct service *service, int fd);

#endif
