/* The admin listener: what a running daemon says about itself over HTTP. README.md describes it.
 *
 *   admin.c      its life: the listener, and the server that libmicrohttpd makes of it
 *   http.c       requests and answers as libmicrohttpd has them: the only file that knows it
 *   guests.c     which connection makes way for the next
 *   answer.c     which path has which answer, and who may ask
 *   status.c     /status
 *   metrics.c    /metrics; metrics_counters.c has the counters of services
 *   prometheus.c the format of that
 *   view.c       what both show of the server
 *   pools.c      what both say of the pools of devices
 *   assets.c     the page (made by embed.py)
 *   out.c        text that grows
 *   stats.c      what is counted, and the connections that failed
 *   snapshot.c   a copy of what is known of one connection
 *
 * The daemon's other files include this header, limits.h, stats.h and snapshot.h. */
#ifndef ACTPASS_SERVER_ADMIN_ADMIN_H
#define ACTPASS_SERVER_ADMIN_ADMIN_H

#include "config/config.h"
#include "server/daemon/listener.h"
#include "server/lib/base/error.h"

struct admin;
struct server;

/* NULL, or why this program cannot have an admin listener: one sentence. */
const char *admin_missing(void);

/* Listens on ADDRESS with LISTENER, which is taken also on failure; NULL: opens it. SERVER must
 * outlive it. No thread is started. NULL with ERROR. */
struct admin *admin_new(struct server *server, const struct config_address *address,
                        const struct config_socket_file *file, struct listener *listener,
                        struct error_text *error);

/* Its listener, which stays its own. NULL for NULL. */
struct listener *admin_listener(struct admin *admin);

/* Another process has its listener, too: answers no more. NULL is fine. */
void admin_give_away(struct admin *admin);

/* Starts the thread that answers, and logs where it does, or why not. */
void admin_start(struct admin *admin);

/* Ends the thread, with the requests in progress, and closes the listener. NULL is fine. */
void admin_free(struct admin *admin);

#endif
