/* Whether a service has room for one more connection, and whether a peer may have it:
 * max_connections and "limits". For the accept thread, if it does not say otherwise. */
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

/* Decides by "limits" and "accept_proxy" whether the connection may stay, and fills *PEER. False:
 * it was closed, counted and logged. A proxy may stay: its client is judged once it is known. */
bool room_admit(struct server *server, struct service *service, int fd,
                const struct sockaddr_storage *address, struct peer *peer);

/* ---- Once a proxy has said whose connection it is; any thread -------------------------------- */

/* Decides by "limits" whether the client may stay, and counts the connection of ENTRY as its from
 * then on. *ERROR: 0, or an errno, of what was short. */
enum refusal room_judge_client(struct server *server, struct service *service,
                               struct registry_entry *entry, const struct peer *client, int *error);

/* Closes the descriptor, and counts and logs that. */
struct room_refused {
    const struct sockaddr_storage *address; /* of the client */
    uint64_t number;                        /* of the connection; 0: none */
    const char *proxy;                      /* its address; NULL: none */
};
void room_refuse(struct server *server, struct service *service, int fd, enum refusal refusal,
                 const struct room_refused *refused);

#endif
