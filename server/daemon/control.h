/* The control socket of a running actpass ("control"), as the running one sees it. Only root and
 * its own user may use it, one connection at a time. A connection asks, in lines (control/wire.h):
 *
 *   reload    for a reload; the answer is `error TEXT` and `warning TEXT` lines, then `done` or
 *             `failed`
 *   upgrade   for all that a successor needs, which is another process: `log` with the descriptor
 * of the log, `environment NAME=VALUE`, `socket ours|managers WHAT` with a listening socket (WHAT:
 * handed.h), and `end`. Nothing has changed by that ready     then, by the successor: it listens on
 * these. The answer is `stopping`, and this process drains; or `error TEXT`, and it goes on
 *
 * For the thread that reloads, but where another one is named. */
#ifndef ACTPASS_SERVER_CONTROL_H
#define ACTPASS_SERVER_CONTROL_H

#include "server/daemon/listener.h"

#include <poll.h>

struct control;
struct server;

/* Takes LISTENER, also on failure. NULL: out of memory. */
struct control *control_new(struct server *server, struct listener *listener);

/* Ends it, with its connection. NULL is fine. */
void control_free(struct control *control);

/* Its listener, which stays its own. */
struct listener *control_listener(struct control *control);

/* Does what can be done without waiting, or carries out what is asked. Fills SET with what to wait
 * for. Returns when to call it next at the latest. */
int64_t control_attend(struct control *control, struct pollfd set[2]);

#endif
