/* An echo on a non-blocking connection, for the example servers with an event loop. It does not
 * know the loop: it does what can be done at once, and says when the loop has to wait. */
#ifndef EXAMPLES_ECHO_H
#define EXAMPLES_ECHO_H

#include <actpass.h>

enum echo_phase { ECHO_HANDSHAKE, ECHO_DATA, ECHO_CLOSE, ECHO_CLOSED };

/* One connection; belongs to one thread. */
struct echo {
    actpass_conn *conn;
    enum echo_phase phase;
    size_t start, end; /* of what was read and not yet sent back */
    char buffer[4096];
};

/* Begins with CONN, which the caller frees, but not before ECHO_CLOSED. */
void echo_begin(struct echo *echo, actpass_conn *conn);

/* Goes on until a call would block, or the connection has had its turn, so that one busy client
 * does not keep the others waiting. Then sets *SOCKET to what to wait for, and returns for how long
 * (see actpass_prepare_wait); 0: call it again after the others. A call that begins in ECHO_CLOSE
 * may close the socket, no other one does. In ECHO_CLOSED, which is reported to standard output,
 * nothing is left to wait for, and *SOCKET is not set. */
int echo_go_on(struct echo *echo, struct pollfd *socket);

#endif
