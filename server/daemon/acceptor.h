/* The accept thread: accepts connections from all listeners and hands each to a task; it never
 * waits for a peer. At a service's max_connections, or when the process has no descriptor left, a
 * connection whose handshake is not complete is aborted (room.c); if there is none, new connections
 * wait in the backlog. It is also the one thread that changes what is served (swap.h). */
#ifndef ACTPASS_SERVER_ACCEPTOR_H
#define ACTPASS_SERVER_ACCEPTOR_H

#include "server/daemon/state.h"

/* Returns after server_stop. */
void acceptor_run(struct server *server);

/* Hands a socket that was accepted at ADDRESS, and is taken, to a conversation of the service.
 * Returns 0, also if "limits" refuse it, or the errno of the resource that was short. */
int acceptor_begin(struct server *server, struct service *service, int fd,
                   const struct sockaddr_storage *address);

#endif
