/* Connections in event loops: calls that do not block. actpass.h includes this header.
 *
 *   actpass_config_set_nonblocking(config, 1);
 *   actpass_conn *conn = actpass_accept_fd(config, fd);       no thread of ours is started
 *   while (actpass_handshake(conn) == ACTPASS_AGAIN) {
 *       struct pollfd socket;
 *       int timeout = actpass_prepare_wait(conn, &socket);
 *       poll(&socket, 1, timeout);                            or register it with epoll, libuv, ...
 *   }
 *
 * On a non-blocking connection actpass_handshake, actpass_read, actpass_write_some,
 * actpass_shutdown_write return ACTPASS_AGAIN, and actpass_close returns ACTPASS_OPEN, where they
 * would block: call actpass_prepare_wait, wait, and make the same call again. It fails with
 * ACTPASS_TIMEOUT if its time has passed. What actpass_write_some and actpass_shutdown_write have
 * taken is sent by actpass_prepare_wait and actpass_close at the latest, and not by themselves: so
 * call actpass_prepare_wait before each wait, also where no call has returned ACTPASS_AGAIN. The
 * idle timeout counts from the first read that finds no data after the last one that was read or
 * written. Before a wait, read until ACTPASS_AGAIN: data may be left in TLS, of which no descriptor
 * tells. Edge-triggered waits work, too: each call uses the socket until it would block.
 *
 * Threads: a non-blocking connection belongs to one thread at a time. actpass_abort (any thread)
 * makes its descriptor ready, so that the loop looks at it. */
#ifndef ACTPASS_EVENTS_H
#define ACTPASS_EVENTS_H

#include "actpass_types.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The call would block. Different from -1, the failure. */
#define ACTPASS_AGAIN (-2)

/* Makes all later connections of CONFIG non-blocking from the start; ON is 0 or 1. Off by default.
 * Not for actpass_connect, which blocks in every case: set its connection afterwards. 0, or -1: see
 * actpass_config_error. */
ACTPASS_API int actpass_config_set_nonblocking(actpass_config *config, int on);

/* Changes one connection, in either direction; ON is 0 or 1. No other thread may be in a call on
 * it. Ends the thread of ours that served it: from then on, also after ON 0, nothing is sent or
 * received between the calls. 0, or -1 if it is closed. */
ACTPASS_API int actpass_set_nonblocking(actpass_conn *conn, int on);

/* To be called before each wait: sends what the socket takes of the output, and sets fd and events
 * of *SOCKET to what to wait for (fd is -1 if only time matters, and revents is 0). Returns the
 * longest time to wait as poll(2) takes it: milliseconds, -1 for no limit, 0 if the call that
 * returned ACTPASS_AGAIN can go on at once. The descriptor stays the same until actpass_close has
 * closed it; it must be used for nothing but waiting. While fd is -1, an abort by another thread
 * wakes only a loop in which the descriptor is registered all the same. Returns 0 at once if the
 * connection blocks. */
ACTPASS_API int actpass_prepare_wait(actpass_conn *conn, struct pollfd *socket);

/* Tells what the wait has found (poll's revents, with POLLRDHUP if it was asked for). Optional:
 * without it each call asks the socket until that has no more, which costs a system call for each
 * message. Once used, it must be called after every wait that found something. POLLRDHUP must be
 * among the events that are waited for whenever POLLIN is. With 0 before an edge-triggered
 * registration it saves a look at the socket, since that reports what is there already. */
ACTPASS_API void actpass_note_events(actpass_conn *conn, short revents);

/* Waits as poll(2) does for the connection and for COUNT descriptors of the caller, whose revents
 * it sets; COUNT may be at most 16. TIMEOUT_MS: negative for no limit. It is what
 * actpass_prepare_wait, poll and actpass_note_events are together. Returns 1 if something can be
 * done, also if a timeout of the connection has passed, or 0 after TIMEOUT_MS; -1 if poll failed,
 * with errno. */
ACTPASS_API int actpass_wait(actpass_conn *conn, struct pollfd *own, nfds_t count,
                             int64_t timeout_ms);

/* Sets how the caller's loop is made to call actpass_handshake again: WAKE(ARG) is called when the
 * answer has come that the handshake waits for, that of an OCSP responder about the peer; also by
 * actpass_request_certificate. It is called on a thread of ours or, where another connection's
 * server has stapled that answer, within that connection's call; and with locks of ours held. So it
 * must only make the loop look, by an eventfd for example: it must call no function of this
 * library, and take no lock that anybody holds while calling one. It may be called at any time
 * until the first call of actpass_close or actpass_free has returned; after that, never. Without
 * it, or with NULL, the loop is to look every 20 ms meanwhile (actpass_prepare_wait says so).
 * Before actpass_handshake. */
ACTPASS_API void actpass_set_wake(actpass_conn *conn, void (*wake)(void *arg), void *arg);

/* Takes at least one of SIZE bytes and at most all. Returns their number, 0 if SIZE is 0, -1, or
 * ACTPASS_AGAIN. They are sent by actpass_prepare_wait at the latest. Also for blocking
 * connections, where it blocks until at least one byte is taken. On a non-blocking connection
 * actpass_write blocks until all is taken. */
ACTPASS_API int64_t actpass_write_some(actpass_conn *conn, const void *data, size_t size);

/* Frees the memory that a connection without traffic does not need. For a connection that has been
 * idle for a while: a busy one would allocate it again for each message. */
ACTPASS_API void actpass_release_memory(actpass_conn *conn);

/* Gives an open connection a close reason of the caller's: END must not be ACTPASS_OPEN or
 * ACTPASS_CLEAN, WHY is one sentence, which is copied. The first reason stays. Calls that read or
 * write fail from then on, and actpass_close sends no close_notify, so that the peer does not take
 * what it has for all: what was written before is sent only for ACTPASS_PROTOCOL, ACTPASS_REFUSED
 * and ACTPASS_TRUNCATED. Wakes nobody. Any thread. */
ACTPASS_API void actpass_fail(actpass_conn *conn, actpass_end end, const char *why);

#ifdef __cplusplus
}
#endif
#endif
