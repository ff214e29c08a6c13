/* "on_reload": "recheck": open connections of a service whose settings were loaded again are judged
 * by the new ones, each in its own task (conversation_recheck.c). For the thread that reloads, once
 * the new settings are in force. */
#ifndef ACTPASS_SERVER_RECHECK_H
#define ACTPASS_SERVER_RECHECK_H

#include "server/daemon/generation.h"
#include "server/daemon/state.h"

/* Begins it for one service, or for each of a generation, if its configuration asks for it. */
void recheck_service(struct server *server, const struct service *service);
void recheck_generation(struct server *server, const struct generation *generation);

#endif
