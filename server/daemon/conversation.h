/* One connection from its beginning to its last line in the log: the wait for the role, the
 * handshake, the handler, the close. Of connections that were accepted conversation_begin does all;
 * those that we open go through the steps below it one by one, on one thread (dial_service.c). */
#ifndef ACTPASS_SERVER_CONVERSATION_H
#define ACTPASS_SERVER_CONVERSATION_H

#include "server/daemon/report.h"
#include "server/daemon/state.h"
#include "server/lib/conn.h"

struct conversation;

/* Takes the socket, also on failure, and never waits. Relay transport: the relay's thread waits for
 * the role, then a conversation thread is started. Direct transport: that is started at once.
 * Returns 0, or the errno of what was short: then the connection was dropped. For the accepting
 * thread. */
int conversation_begin(actpass_server *server, struct service *service, int fd,
                       const struct peer *peer);

/* ---- Step by step ------------------------------------------------------------------------- */

/* One without a connection yet; it counts as one of the service's already. PLAIN is the local
 * connection to be bridged, taken also on failure; -1: none. NULL: out of memory, and that was
 * reported. */
struct conversation *conversation_new(actpass_server *server, struct service *service, int plain);

actpass_server *conversation_server(const struct conversation *conversation);
struct service *conversation_service(const struct conversation *conversation);
const struct report *conversation_report(const struct conversation *conversation);

/* Makes the socket, which is taken also on failure, its connection, that we opened to ADDRESS, and
 * shakes hands. True: TLS is up. False: see conversation_conn, which is NULL when something was
 * short; that was reported. */
bool conversation_handshake(struct conversation *conversation, int fd, const char *address,
                            const struct conn_options *options);
actpass_conn *conversation_conn(const struct conversation *conversation);

/* Lets the connection go, of which nothing came, so that another can take its place. */
void conversation_detach(struct conversation *conversation);

/* Serves if TLS is up, closes, reports, frees. */
void conversation_finish(struct conversation *conversation, bool up);

/* Gives it up where there is no connection, and frees it; with the errno of what was short that is
 * reported. */
void conversation_give_up(struct conversation *conversation);
void conversation_drop(struct conversation *conversation, int error);

#endif
