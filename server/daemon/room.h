/* Whether a service has room for one more connection, and whether a peer may have it:
 * max_connections and "limits". For the accept thread. */
#ifndef ACTPASS_SERVER_ROOM_H
#define ACTPASS_SERVER_ROOM_H

#include "server/daemon/state.h"

/* Computes at load how many connections each service may have, and warns if the process has too few
 * descriptors for what was configured. False: out of memory. */
bool room_load(struct generation *generation, struct config_report *report);

/* Aborts connections that are not established if one address has too many of them, or if the
 * service is full. True: one more may be accepted. False: no peer is waiting, or service->waiting
 * is set; then call again at service->retry_us and whenever a connection has closed. Logs
 * event=full if the service is full and no connection can make way. */
bool room_find(struct server *server, struct service *service);

/* Call this when descriptors, threads or memory are short. True: some connections were aborted.
 * False: service->retry_us is when one can be. */
bool room_after_shortage(struct server *server, struct service *service);

/* Decides by "limits" whether the connection may stay, and fills *PEER. False: it was closed,
 * counted and logged. */
bool room_admit(struct server *server, struct service *service, int fd,
                const struct sockaddr_storage *address, struct peer *peer);

#endif
