/* A listening socket for the example servers. It has nothing to do with TLS or with actpass. */
#ifndef EXAMPLES_LOOPBACK_H
#define EXAMPLES_LOOPBACK_H

/* Listens on PORT of 127.0.0.1 and prints the address to standard output. With port 0 the system
 * chooses a free one. Returns the socket, which the caller closes, or -1 after a message to
 * standard error. */
int loopback_listen(unsigned short port);

/* Waits for a connection and returns its socket. If the system is out of descriptors or memory, it
 * tries again every second. */
int loopback_accept(int listener);

#endif
