/* An HTTP server on a listening socket, by libmicrohttpd: one thread, which accepts and answers. */
#ifndef ACTPASS_SERVER_ADMIN_HTTP_H
#define ACTPASS_SERVER_ADMIN_HTTP_H

#include "server/daemon/admin/answer.h"

struct http_server;

/* NULL, or what is missing: the program was built without it. */
const char *http_missing(void);

/* Starts the thread, which calls ANSWER with ARG for each request. The socket FD stays the
 * caller's, to be closed after http_stop. NULL: it cannot be started. */
struct http_server *http_start(int fd, answer_function *answer, void *arg);

void http_stop(struct http_server *http); /* NULL is fine */

#endif
