/* The socket address of a unix socket's path. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_UNIX_ADDRESS_H
#define ACTPASS_SERVER_LIB_DIAL_UNIX_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

/* The longest path that fits, in bytes. */
enum { UNIX_PATH_MAX_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* Fills in ADDRESS. "@name" is NAME in the abstract namespace. Returns the address's size, or 0 if
 * PATH is longer than UNIX_PATH_MAX_BYTES. */
socklen_t unix_address_make(const char *path, struct sockaddr_un *address);

#endif
