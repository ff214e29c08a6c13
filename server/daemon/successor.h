/* `actpass upgrade FILE`: this process becomes the successor of a running actpass. The command
 * forks: the child gets the listening sockets of the running one by its control socket (control.h),
 * and takes its place when it is ready; the parent waits for that. The running process must not be
 * able to start programs, which is why the command does. For one thread, before all others. */
#ifndef ACTPASS_SERVER_SUCCESSOR_H
#define ACTPASS_SERVER_SUCCESSOR_H

#include "config/config.h"
#include "server/daemon/server.h"

struct successor;

/* Forks. In the child, returns what the other functions take. In the parent, waits until the child
 * has taken the place of the running actpass, or has failed and said why; returns NULL with the
 * exit status of the command in *STATUS. */
struct successor *successor_fork(int *status);

/* Connects to the "control" of SERVER's configuration, and gets what the running actpass hands
 * over, which server_listen then uses. False with the reason added to the errors. */
bool successor_receive(struct successor *successor, struct server *server,
                       struct config_report *report);

/* SERVER listens: the running actpass stops, its log becomes ours, and the parent is told. False
 * with the reason added to the errors: the running one goes on. */
bool successor_replace(struct successor *successor, struct server *server,
                       struct config_report *report);

/* Accepts NULL. */
void successor_free(struct successor *successor);

#endif
