/* The address that a socket of ours is bound to. Any thread. */
#ifndef ACTPASS_SERVER_BOUND_H
#define ACTPASS_SERVER_BOUND_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Room for any text of bound_print: a path, or an IPv6 address with a scope and a port. */
enum { BOUND_TEXT = sizeof(((struct sockaddr_un *)NULL)->sun_path) + INET6_ADDRSTRLEN };

/* Is it bound to this address? A port 0 fits any port. */
bool bound_to(int fd, const struct sockaddr *where, socklen_t size);

/* Writes "192.0.2.1:443", "[2001:db8::1]:443", "unix:/path" or "unix:@name"; of what has none,
 * "?:?". */
void bound_print(int fd, char text[BOUND_TEXT]);

#endif
