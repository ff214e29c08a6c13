/* Room for one more connection, and who gets it: max_connections and "limits" of a service. For the
 * accepting thread. */
#ifndef ACTPASS_SERVER_ROOM_H
#define ACTPASS_SERVER_ROOM_H

#include "server/daemon/state.h"

/* What is found at load: how many connections each service may have, with a warning where that is
 * fewer than configured, and its rates. False: out of memory. */
bool room_load(actpass_server *server, const char *file, struct config_strings *warnings);

/* Lets connections make way where an address has too many that are not established, or where the
 * service is full. True: one more may be accepted. Otherwise nobody waits for that, or
 * service->waiting is set, and it is worth looking again at service->retry_us and whenever a
 * connection has ended; at full, the log says so if nobody can make way. */
bool room_find(actpass_server *server, struct service *service);

/* When descriptors, threads or memory are short. True: some connections make way. Else
 * service->retry_us has when one can. */
bool room_after_shortage(actpass_server *server, struct service *service);

/* May this one stay? If not, it is closed, counted, and the log says so. Fills PEER. */
bool room_admits(actpass_server *server, struct service *service, int fd,
                 const struct sockaddr_storage *address, struct peer *peer);

#endif
