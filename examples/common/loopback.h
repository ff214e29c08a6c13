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

/* The results of loopback_try_accept beside a socket. */
enum { LOOPBACK_NOBODY = -1, LOOPBACK_EXHAUSTED = -2 };

/* Accepts a connection on a listener that does not block, and returns its socket.
 * LOOPBACK_NOBODY: there is none (any more). LOOPBACK_EXHAUSTED: the system is out of descriptors
 * or memory. Then the listener stays readable, so an event loop must not watch it for a while. */
int loopback_try_accept(int listener);

#endif
