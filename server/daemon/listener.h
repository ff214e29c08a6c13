/* A listening socket, TCP or unix. Knows nothing of TLS or of connections. Counted references:
 * hold, close and address are for any thread, the others for one. */
#ifndef ACTPASS_SERVER_LISTENER_H
#define ACTPASS_SERVER_LISTENER_H

#include "config/config.h"
#include "server/lib/base/error.h"
#include "server/lib/dial/candidates.h"

#include <sys/socket.h>

struct listener;

/* How long the lookup of a host name may take that is to be listened on: while a reload waits for
 * it, no signal is taken. */
enum { LISTENER_LOOKUP_MS = 10000 };

/* Opens a listener on the first address that ADDRESS stands for. FILE: what a unix socket's file is
 * given; may be NULL. A stale file, on which no program listens, is replaced. On failure returns
 * NULL with one sentence in ERROR that names the address and the remedy. */
struct listener *listener_open(const struct config_address *address,
                               const struct config_socket_file *file, struct error_text *error);

/* The same for an address that was resolved. On failure errno is the system's reason. */
struct listener *listener_open_at(const struct candidate *where,
                                  const struct config_listen_options *options,
                                  struct error_text *error);

/* Takes over a socket on which the service manager listens already, and closes it on failure.
 * Returns NULL with one sentence in ERROR. The file of a unix socket stays the manager's. */
struct listener *listener_adopt(int fd, struct error_text *error);

/* Who removes the file of a unix socket. */
enum listener_owner { LISTENER_OURS, LISTENER_MANAGERS };

/* Takes over a socket on which another actpass listens already, and closes it on failure. Its file
 * is OWNER's, but not removed before listener_own. NULL with one sentence in ERROR. */
struct listener *listener_receive(int fd, enum listener_owner owner, struct error_text *error);

/* From now on the file of its unix socket is removed by us, unless it is the manager's; or it is
 * not, since another process has taken it over. */
void listener_own(struct listener *listener);
void listener_disown(struct listener *listener);
enum listener_owner listener_owner(const struct listener *listener);

struct listener *listener_hold(struct listener *listener);

/* Gives a reference back. The last one shuts it and frees it. NULL is fine. */
void listener_close(struct listener *listener);

/* Closes the socket at once, and removes its unix socket's file if that is still ours. Only its
 * address is left. NULL is fine. */
void listener_shut(struct listener *listener);

/* Accepts data in SYNs from then on; QUEUE connections may wait for the end of the TCP handshake.
 * 0: accepts none. Returns 0, or an errno: the listener then works without Fast Open. */
int listener_fast_open(struct listener *listener, uint64_t queue);

/* From then on as many connections may wait to be accepted as the options say. A socket of the
 * service manager's keeps its own number if they do not say it. Returns 0, or an errno. */
int listener_backlog(struct listener *listener, const struct config_listen_options *options);

/* How many connections have been accepted. Any thread. */
uint64_t listener_accepted(const struct listener *listener);

/* False: the file of its unix socket is gone, or another's, so nobody can connect. Any thread. */
bool listener_is_there(const struct listener *listener);

int listener_fd(const struct listener *listener); /* for poll */

/* Where it listens, "127.0.0.1:34567" or "unix:/path": with the real port where port 0 was asked.
 */
const char *listener_address(const struct listener *listener);

/* Accepts the next connection as a non-blocking descriptor and stores the peer's address. Never
 * waits. -1 with errno: EAGAIN if there is none, otherwise a shortage (EMFILE, ENFILE, ENOBUFS,
 * ENOMEM): try again later. Errors of a single connection are skipped. */
int listener_accept(struct listener *listener, struct sockaddr_storage *peer);

#endif
