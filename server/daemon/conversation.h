/* One connection from its beginning to its last log line: the wait for the role, the handshake, the
 * handler, the close. conversation_begin does all of this for an accepted connection. For a
 * connection that we dial, dial_service.c calls the steps below it one by one, on one thread. */
#ifndef ACTPASS_SERVER_CONVERSATION_H
#define ACTPASS_SERVER_CONVERSATION_H

#include "server/daemon/report.h"
#include "server/daemon/state.h"
#include "server/lib/conn.h"

struct conversation;

/* Takes the socket, also on failure, and never waits. Relay transport: the relay's thread waits for
 * the role, then starts a conversation thread. Direct transport: the conversation thread is started
 * at once. Returns 0, or the errno of the resource that was short: then the connection was dropped.
 * For the accept thread. */
int conversation_begin(struct server *server, struct service *service, int fd,
                       const struct peer *peer);

/* ---- Step by step ------------------------------------------------------------------------- */

/* Makes a conversation that has no connection yet, but counts as one of the service's. PLAIN is the
 * local connection to be bridged, taken also on failure; -1: none. Returns NULL if memory is short,
 * and logs that. */
struct conversation *conversation_new(struct server *server, struct service *service, int plain);

struct server *conversation_server(const struct conversation *conversation);
struct service *conversation_service(const struct conversation *conversation);
const struct report *conversation_report(const struct conversation *conversation);

/* Makes a connection of the socket that we dialed to ADDRESS, and performs the handshake. The
 * socket is taken also on failure. True: the handshake is complete. False: conversation_conn has
 * the reason, or is NULL if a resource was short, which was logged. */
bool conversation_handshake(struct conversation *conversation, int fd, const char *address,
                            const struct conn_options *options);
actpass_conn *conversation_conn(const struct conversation *conversation);

/* Frees a connection whose handshake failed, so that another can take its place. */
void conversation_detach(struct conversation *conversation);

/* Runs the handler if UP (the handshake is complete), closes, logs, and frees the conversation. */
void conversation_finish(struct conversation *conversation, bool up);

/* Frees a conversation that has no connection; conversation_drop logs the errno of the resource
 * that was short. */
void conversation_give_up(struct conversation *conversation);
void conversation_drop(struct conversation *conversation, int error);

#endif
