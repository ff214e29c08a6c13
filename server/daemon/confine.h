/* What the process gives up between opening its listeners and its first connection. */
#ifndef ACTPASS_SERVER_CONFINE_H
#define ACTPASS_SERVER_CONFINE_H

#include "config/config.h"
#include "server/daemon/server.h"

/* Becomes the user that the configuration names, and enters the sandbox, which
 * server->sandbox is from then on; logs what this system lacks for it. After server_listen, while
 * no other thread runs. False, with what is wrong added to the report's errors: the process must
 * end. */
bool confine_server(struct server *server, struct config_report *report);

/* Logs what confines it, once its log is where it stays: after the process that it replaces, if
 * there is one, has stopped. */
void confine_log(const struct server *server);

#endif
