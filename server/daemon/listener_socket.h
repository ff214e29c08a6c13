/* Opens sockets that listen. One thread. */
#ifndef ACTPASS_SERVER_LISTENER_SOCKET_H
#define ACTPASS_SERVER_LISTENER_SOCKET_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <sys/socket.h>

/* Accepted sockets inherit these from the listener (Linux), which saves calls: SO_KEEPALIVE and
 * TCP_NODELAY. False with errno. */
bool listener_socket_prepare(int fd);

/* The backlog of these options, as listen(2) takes it. */
int listener_socket_backlog(const struct config_listen_options *options);

/* A socket that listens there. -1 with errno, and why and the remedy in ERROR. */
int listener_socket_open(const struct sockaddr *where, socklen_t size,
                         const struct config_listen_options *options, struct error_text *error);

#endif
