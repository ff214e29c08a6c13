/* The accepting thread's work: takes connections off all listeners and hands each on at once; it
 * never waits for a peer. At a service's max_connections, or when the system has no descriptor
 * left, a connection whose handshake is not done makes way (room.c); where there is none,
 * connections wait in the backlog. */
#ifndef ACTPASS_SERVER_ACCEPTOR_H
#define ACTPASS_SERVER_ACCEPTOR_H

#include "server/daemon/state.h"

/* Until actpass_server_stop. */
void acceptor_run(actpass_server *server);

#endif
