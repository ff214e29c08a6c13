/* What those who dial for a connection have in common. Each on the connection's thread. */
#ifndef ACTPASS_SERVER_HANDLERS_DIALED_H
#define ACTPASS_SERVER_HANDLERS_DIALED_H

#include "server/daemon/handlers/handler.h"
#include "server/lib/dial/socket.h"

/* For dial_observer: keeps why the last attempt has failed in ARG, a struct error_text. */
void dialed_keep_reason(void *arg, const char *address, const char *why);

/* Sets from where it dials. With "transparent" that is the peer's address, which is stored in
 * *CLIENT, and must stay there as long as it dials. */
void dialed_set_source(struct dial *dial, const struct config_source *source, actpass_conn *conn,
                       struct sockaddr_storage *client);

/* Sets job->backend_address, unless it is what SAID says. Without memory the log does not say
 * it. */
void dialed_note_address(struct handler_job *job, const struct candidate *winner, const char *said);

#endif
