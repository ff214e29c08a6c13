/* A connection: relay, SSL object and how it ended. What actpass.h declares for connections is defined here;
 * below stand the non-blocking steps that services are made of.
 *
 * Lock: conn->lock is held around every SSL call and guards the SSL object and the end; waits are
 * outside it (hazard 10). It is taken before the relay's lock, never after it. */
#ifndef ACTPASS_SERVER_CONN_H
#define ACTPASS_SERVER_CONN_H

#include "relay/relay.h"
#include "server/actpass.h"

#include <poll.h>

enum { CONN_AGAIN = -2 }; /* nothing now: wait with conn_wait */

/* As actpass_accept_fd, with a call once the role is decided (or that there is none), on the relay's
 * thread. ARG is also given to it. The caller starts the conversation there. With the direct transport nobody
 * waits for the first bytes but actpass_handshake, so the call is made there. */
actpass_conn *conn_new(actpass_config *config, int fd, void (*on_verdict)(void *arg), void *arg);

/* Up to SIZE bytes if there are any: their number, 0 at close_notify, -1 at failure, or CONN_AGAIN.
 * Fills the buffer from several records if it can. */
int64_t conn_read_some(actpass_conn *conn, void *buffer, size_t size);

/* Takes as many bytes as it can now, whole records: their number, -1 at failure, or CONN_AGAIN. They leave
 * with the next conn_wait or conn_flush. */
int64_t conn_write_some(actpass_conn *conn, const void *data, size_t size);
void conn_flush(actpass_conn *conn);

/* relay_wait for a conversation; maps a failed wait to the connection's end. True: go on. */
bool conn_wait(actpass_conn *conn, unsigned want, struct pollfd *extra, nfds_t extras,
               int64_t deadline_us);

/* Gives the connection its end, if it has none yet: for a service whose other side failed. */
void conn_fail(actpass_conn *conn, actpass_end end, const char *why);

#endif
