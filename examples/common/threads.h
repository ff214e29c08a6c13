/* A server with a thread for each connection, as in embed.c, for examples that are about something
 * else. */
#ifndef EXAMPLES_THREADS_H
#define EXAMPLES_THREADS_H

#include <actpass.h>

/* Listens on a free port of 127.0.0.1 with the TLS settings of the first service of the
 * configuration FILE. For each connection, on a thread of its own: shakes hands, calls SERVE,
 * closes the connection and frees it. Its user data is DATA. Prints a line when the role is decided
 * and one when the connection is closed. Returns only if it cannot go on, with the exit status,
 * after a message to standard error. */
int threads_serve(const char *file, void *data, void (*serve)(actpass_conn *conn));

#endif
