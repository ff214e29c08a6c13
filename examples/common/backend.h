/* The plain side of the example proxy: a TCP connection to a backend. It has nothing to do with TLS
 * or with actpass, but that its calls return what those of actpass on a non-blocking connection do.
 */
#ifndef EXAMPLES_BACKEND_H
#define EXAMPLES_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connects to "HOST:PORT", trying each address of the host; blocks. Returns the socket, which the
 * caller closes, or -1 after a line that says so. */
int backend_connect(const char *address);

/* As actpass_read and actpass_write_some: some bytes, 0 at the end of the stream, -1, or
 * ACTPASS_AGAIN where the call would block. */
int64_t backend_read(int fd, void *buffer, size_t size);
int64_t backend_write(int fd, const void *data, size_t size);

/* Closes the connection; with a reset if it does not end IN_ORDER, so that the backend does not
 * take it for such an end. */
void backend_close(int fd, bool in_order);

#endif
