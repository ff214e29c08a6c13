/* A socket address as text. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_ADDRESS_TEXT_H
#define ACTPASS_SERVER_LIB_DIAL_ADDRESS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Room for every such text: an IPv6 address with the name of an interface, brackets and a port. */
enum { ADDRESS_TEXT_MAX = 80 };

/* Writes "192.0.2.1:443", "[2001:db8::1]:443", "unix" or "vsock:2:443". Returns false, with TEXT
 * empty, if the family is another one or the text does not fit into SIZE bytes (at least 1). */
bool address_text(const struct sockaddr *address, socklen_t address_size, char *text, size_t size);

#endif
