/* A plain TCP connection to a backend, for the example proxy. It has nothing to do with TLS or with
 * actpass. */
#ifndef EXAMPLES_BACKEND_H
#define EXAMPLES_BACKEND_H

/* Connects to "HOST:PORT", trying each address of the host; blocks. Returns the socket, which the
 * caller closes, or -1. */
int backend_connect(const char *address);

#endif
