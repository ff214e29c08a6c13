/* The login of MySQL, once there is TLS on one side: the packets of both sides are passed on,
 * numbered anew (starttls/mysql.h), until the server has accepted or refused the client. */
#ifndef ACTPASS_SERVER_HANDLERS_MYSQL_LOGIN_H
#define ACTPASS_SERVER_HANDLERS_MYSQL_LOGIN_H

#include "server/daemon/handlers/handler.h"

/* As plain_talk_begin. The client is the local connection of a bridge, else the TLS peer. */
bool mysql_login_begin(struct handler_job *job, int plain, const char *name, const char *address);

/* As plain_talk_step. HANDLER_MORE: the login has ended, and both sides may be joined.
 * HANDLER_DONE: it has failed, with a close reason. All of it has job->start_timeout_ms,
 * however it is divided. job->own.revents is what has been seen on PLAIN. */
enum handler_next mysql_login_step(struct handler_job *job);

#endif
