/* One connection that we open: dial, handshake, handler, close, all in one task. It blocks a thread
 * only with TCP Fast Open, where dial and handshake are one. */
#ifndef ACTPASS_SERVER_DAEMON_DIAL_SERVICE_H
#define ACTPASS_SERVER_DAEMON_DIAL_SERVICE_H

#include "server/daemon/conversation.h"
#include "server/daemon/state.h"

/* Takes an accepted local connection, also on failure, and has a task dial one and bridge it to
 * that; never waits. 0, or the errno of what was short: then it was dropped. For the accepting
 * thread. */
int dial_service_bridge(struct server *server, struct service *service, int plain);

/* Dials if there is no connection yet, then does what conversation_run does. TASK_END: it is over,
 * and all failures were reported; the caller frees the conversation. For a task's `run`. */
enum task_next dial_service_run(struct conversation *conversation, struct task *task);

#endif
