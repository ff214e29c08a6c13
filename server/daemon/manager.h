/* The server's side of the service manager: what it finds in the environment, and when it is
 * notified. Without a manager the functions do nothing. */
#ifndef ACTPASS_SERVER_MANAGER_H
#define ACTPASS_SERVER_MANAGER_H

#include "server/daemon/inherited.h"
#include "server/daemon/state.h"

#include <sys/types.h>

/* Finds whom to notify. If notifications are not possible, adds a warning. */
void manager_find(struct server *server, struct config_report *report);

/* Returns the sockets that the manager passes, or NULL with the reason added to the errors. */
struct inherited *manager_sockets(struct config_report *report);

/* Adds an error for a socket that no service has taken. Returns whether there was none. */
bool manager_all_taken(const struct inherited *inherited, struct config_report *report);

/* Notify of what happens. The first also starts the watchdog, the last ends it. A failure is
 * logged. WHY: the reload failed, and nothing has changed; NULL: it did not. */
void manager_ready(struct server *server);
void manager_reloading(struct server *server);
void manager_reloaded(struct server *server, const char *why);
void manager_stopping(struct server *server);

/* From now on PID is the main process, and this one says nothing more. */
void manager_successor(struct server *server, pid_t pid);

#endif
