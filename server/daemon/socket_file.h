/* The file of a unix socket that listens. One thread. */
#ifndef ACTPASS_SERVER_SOCKET_FILE_H
#define ACTPASS_SERVER_SOCKET_FILE_H

#include "config/config.h"
#include "server/lib/base/error.h"

#include <sys/socket.h>

/* Binds FD to WHERE, a path or an abstract name, and gives the file its mode, owner and group. A
 * stale file, on which no program listens, is replaced; anything else stays, and is EADDRINUSE.
 * Nobody can connect before the caller has called listen. Returns 0, or an errno; with the reason
 * in ERROR where an errno says too little, and the file is removed again. */
int socket_file_bind(int fd, const struct sockaddr *where, socklen_t size,
                     const struct config_socket_file *file, struct error_text *error);

#endif
