/* One connection from its beginning to its last log line: the wait for the role, the handshake, the
 * handler, the close. It is the work of a task (crew/crew.h), and costs no thread while it waits.
 * conversation_begin does all of this for an accepted connection. For one that we dial,
 * dial_service.c dials, and then calls conversation_run.
 *
 * Threads: conversation_new and conversation_begin are for any thread; from then on a conversation
 * belongs to the `run` of its task. */
#ifndef ACTPASS_SERVER_CONVERSATION_H
#define ACTPASS_SERVER_CONVERSATION_H

#include "server/daemon/crew/crew.h"
#include "server/daemon/handlers/bell.h"
#include "server/daemon/report.h"
#include "server/daemon/state.h"

#include <sys/socket.h>

struct conversation;
struct errand;

/* Takes the socket, also on failure, and never waits: a task of its own waits for the peer. ADDRESS
 * is what accept has said. Returns 0, or the errno of the resource that was short: then the
 * connection was dropped. For the accept thread. */
int conversation_begin(struct server *server, struct service *service, int fd,
                       const struct peer *peer, const struct sockaddr_storage *address);

/* ---- Step by step, for a connection that we dial --------------------------------------------- */

/* Makes a conversation that has no connection yet, but counts as one of the service's. PLAIN is the
 * local connection to be bridged, taken also on failure; -1: none. Returns NULL if memory is short,
 * and logs that. */
struct conversation *conversation_new(struct server *server, struct service *service, int plain);

/* What a conversation does differently that its service dials by itself (callhome/keeper.h). It
 * outlives the conversation. UP and USED are called at most once each, in the `run` of its task. */
struct conversation_kept {
    size_t address, count;   /* of "dial": the first one to dial, and how many */
    int64_t idle_timeout_ms; /* it ends in order after that; CONFIG_NEVER: it does not */
    void (*up)(void *arg);   /* the handshake is complete */
    void (*used)(void *arg); /* the peer has sent its first data. Until then the connection is
                                unused, and ends in order at a stop */
    void *arg;
};

/* Before it has a connection. */
void conversation_keep(struct conversation *conversation, const struct conversation_kept *kept);

/* The addresses to dial. */
const struct config_address *conversation_addresses(const struct conversation *conversation,
                                                    size_t *count);

/* Notes which task runs it, so that a stop of the server wakes that. Any thread that owns it. */
void conversation_set_task(struct conversation *conversation, struct task *task);

struct server *conversation_server(const struct conversation *conversation);
struct service *conversation_service(const struct conversation *conversation);
const struct report *conversation_report(const struct conversation *conversation);

/* Must what only waits end, since the server stops, or the service is gone? Any thread. */
bool conversation_is_stopping(const struct conversation *conversation);

/* Makes a connection of the socket that we dialed to ADDRESS, which lives as long as the service or
 * the errand, or begins its preface. The socket is taken also on failure: then there is neither,
 * and the resource that was short was logged. */
void conversation_connect(struct conversation *conversation, int fd, const char *address);

/* The same for a connection that actpass_connect_to has made: CONN is NULL with ERROR, if a
 * resource was short. */
void conversation_take(struct conversation *conversation, actpass_conn *conn, int error);

/* Where to dial instead of the service's addresses, and what for (fleet/errand.h), which must
 * outlive the conversation. NULL: nothing else. */
void conversation_set_errand(struct conversation *conversation, const struct errand *errand);
const struct errand *conversation_errand(const struct conversation *conversation);

/* Is there a connection, or the socket of one in its preface? */
bool conversation_has_socket(const struct conversation *conversation);

/* A place for the state of whoever dials: NULL at first, and to be NULL again at the end. */
void **conversation_dialing(struct conversation *conversation);

/* Does what can be done without waiting: the `run` of its task, from the moment that there is a
 * socket. TASK_END: it is closed and logged; the caller frees the conversation. */
enum task_next conversation_run(struct conversation *conversation, struct task *task);

/* The local connection that is bridged, which stays its own; -1: none. */
int conversation_plain(const struct conversation *conversation);

/* ---- For handlers that join two connections (fleet/) ----------------------------------------- */

/* How its task is woken so that the handler's step is called. Lives as long as the conversation. */
struct bell *conversation_bell(struct conversation *conversation);

/* Takes the local connection from it: the caller's to close. */
int conversation_take_plain(struct conversation *conversation);

/* Notes for the log that it was joined to the connection of that number, because somebody has
 * reached for NAME in the way of BY (a constant text). Returns a copy of the name that lives as
 * long as the conversation; "" without memory. */
const char *conversation_note_join(struct conversation *conversation, const char *name,
                                   const char *by, uint64_t number);

/* Aborts the connection if it is still open, and frees all. conversation_drop logs the errno of the
 * resource that was short before that. */
void conversation_free(struct conversation *conversation);
void conversation_drop(struct conversation *conversation, int error);

#endif
