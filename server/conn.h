/* A connection: relay, SSL object and how it ended. What actpass.h declares for connections is defined in
 * conn*.c; below stand the non-blocking steps that services are made of.
 *
 * Lock: conn->lock is held around every SSL call and guards the SSL object; waits are outside it
 * (hazard 10). It is taken before the relay's lock, never after it. */
#ifndef ACTPASS_SERVER_CONN_H
#define ACTPASS_SERVER_CONN_H

#include "relay/relay.h"
#include "server/actpass.h"

#include <poll.h>

enum { CONN_AGAIN = -2 }; /* nothing now: wait with conn_wait */

/* As actpass_accept_fd, but the wait for the peer's first bytes begins with conn_start. ON_VERDICT is called
 * once, when the role is decided or it is known that there is none, on the relay's thread with no
 * lock held; it may close and free the connection. With the direct transport nobody waits for the
 * first bytes but actpass_handshake, and ON_VERDICT is not called. NULL with errno: the descriptor is closed. */
actpass_conn *conn_new(actpass_config *config, int fd,
                       void (*on_verdict)(actpass_conn *conn, void *arg), void *arg);

/* Says that we opened the connection, and where to, so that a session of that peer can be resumed as client. Before
 * the handshake; without memory there is no resumption. */
void conn_dialed(actpass_conn *conn, const char *address);

/* Starts the relay thread. 0, or the errno of pthread_create: the caller frees the connection. */
int conn_start(actpass_conn *conn);

/* relay_enter and relay_leave: brackets a conversation that waits nowhere but in this connection's calls. */
void conn_enter(actpass_conn *conn);
void conn_leave(actpass_conn *conn);

/* Up to SIZE bytes if there are any: their number, 0 at close_notify, -1 at failure, or CONN_AGAIN.
 * Fills the buffer from several records if it can. */
int64_t conn_read_some(actpass_conn *conn, void *buffer, size_t size);

/* Takes as many bytes as it can now, whole records: their number, -1 at failure, or CONN_AGAIN. They leave
 * with the next conn_wait or conn_flush. */
int64_t conn_write_some(actpass_conn *conn, const void *data, size_t size);
void conn_flush(actpass_conn *conn);

/* relay_wait for a conversation; a timeout or an abort becomes the connection's end. True: go on. */
bool conn_wait(actpass_conn *conn, unsigned want, struct pollfd *extra, nfds_t extras,
               int64_t deadline_us);

/* Has CALL called on the waiting thread once a conn_wait has lasted IDLE_AFTER_US, once in each wait: to give memory
 * back. NULL for none. */
void conn_on_idle(actpass_conn *conn, void (*call)(void *arg), void *arg);

/* Gives the connection its end, if it has none yet: for a service whose other side failed. */
void conn_fail(actpass_conn *conn, actpass_end end, const char *why);

#endif
