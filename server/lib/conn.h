/* A connection: relay, SSL object and how it ended. What actpass.h declares for connections is
 * defined in conn*.c; below stand the non-blocking steps that services are made of.
 *
 * Lock: conn->lock is held around every SSL call and guards the SSL object; waits are outside it
 * (hazard 10). It is taken before the relay's lock, never after it. */
#ifndef ACTPASS_SERVER_CONN_H
#define ACTPASS_SERVER_CONN_H

#include "relay/relay.h"
#include "server/include/actpass.h"
#include "server/lib/tls/policy.h"

#include <poll.h>

enum { CONN_AGAIN = -2 }; /* nothing now: wait with conn_wait */

/* What is particular to one connection; all zero where nothing is. */
struct conn_options {
    /* Called once, when the role is decided or it is known that there is none, on the relay's
     * thread with no lock held; it may close and free the connection. With the direct transport
     * nobody waits for the first bytes but actpass_handshake, and it is not called. */
    void (*on_verdict)(actpass_conn *conn, void *arg);
    void *arg;
    enum role hint;       /* with role auto: be that at once */
    int64_t most_wait_ms; /* with role auto: wait no longer than this for the first bytes; 0: as
                             configured */
    /* With a size: the socket is not connected yet. The first flight goes there in the SYN, and the
     * handshake fails if the connection is not up by the deadline. Relay transport and role client
     * only. */
    struct sockaddr_storage fast_open;
    socklen_t fast_open_size;
    int64_t connect_deadline_us;
};

/* As actpass_accept_fd, but the wait for the peer's first bytes begins with conn_start. OPTIONS may
 * be NULL. NULL with errno: the descriptor is closed. */
actpass_conn *conn_new(actpass_config *config, int fd, const struct conn_options *options);

/* Says that we opened the connection, and where to: as client we name that host in the handshake
 * (SNI) if the configuration names none, and can resume a session of that peer. Before the
 * handshake; without memory there is neither. */
void conn_dialed(actpass_conn *conn, const char *address);

/* The transport was connected at some time. With fast_open it is not at first. */
bool conn_was_connected(const actpass_conn *conn);

/* Data was given to the SYN, and the other side did not take it from there. After
 * actpass_handshake, before actpass_close. */
bool conn_syn_refused(actpass_conn *conn);

/* There is no connection yet because the one before it from the same local port is not over. Fast
 * Open only. */
bool conn_address_busy(actpass_conn *conn);

/* Has the transport failed (RELAY_FAILED)? */
bool conn_is_broken(actpass_conn *conn);

/* Starts the relay thread. 0, or the errno of pthread_create: the caller frees the connection. */
int conn_start(actpass_conn *conn);

/* Blocks until the role is decided, or it is known that there is none: the first part of
 * actpass_handshake. */
void conn_wait_role(actpass_conn *conn);

/* relay_enter and relay_leave: brackets a conversation that waits nowhere but in this connection's
 * calls. */
void conn_enter(actpass_conn *conn);
void conn_leave(actpass_conn *conn);

/* Up to SIZE bytes if there are any: their number, 0 at close_notify, -1 at failure, or CONN_AGAIN.
 * Fills the buffer from several records if it can. */
int64_t conn_read_some(actpass_conn *conn, void *buffer, size_t size);

/* Takes as many bytes as it can now, whole records: their number, -1 at failure, or CONN_AGAIN.
 * They leave with the next conn_wait or conn_flush. */
int64_t conn_write_some(actpass_conn *conn, const void *data, size_t size);
void conn_flush(actpass_conn *conn);

/* relay_wait for a conversation. After WAIT_CANCELLED the connection has its close reason; after
 * WAIT_TIMEOUT it goes on. */
enum relay_wait conn_wait_until(actpass_conn *conn, unsigned want, struct pollfd *extra,
                                nfds_t extras, int64_t deadline_us);

/* The same where the deadline is the idle timeout: it gives the connection its close reason, too.
 * Returns true if the connection goes on. */
bool conn_wait(actpass_conn *conn, unsigned want, struct pollfd *extra, nfds_t extras,
               int64_t deadline_us);

/* Has CALL called on the waiting thread once a conn_wait has lasted IDLE_AFTER_US, once in each
 * wait: to give memory back. For a connection with one conversation thread. NULL for none. */
void conn_on_idle(actpass_conn *conn, void (*call)(void *arg), void *arg);

/* What a request for the client's certificate came to. */
enum conn_asked {
    ASKED_GIVEN,  /* there is one, and TLS's policy accepts it; it may have been there before */
    ASKED_NONE,   /* there is none, and the connection goes on: WHY says why */
    ASKED_FAILED, /* the connection has its end */
    ASKED_AGAIN   /* never returned */
};

/* As actpass_request_certificate, but where the client cannot or will not, the connection may go
 * on: always if it is not REQUIRED, else only where nothing was asked. */
enum conn_asked conn_ask_certificate(actpass_conn *conn, bool required, int64_t deadline_us,
                                     struct tls_error *why);

/* Does the peer's certificate satisfy one more policy, such as an access list? TLS's own has been
 * asked already. False with error, and without a certificate. Any thread. */
bool conn_peer_is(actpass_conn *conn, const struct policy *policy, struct tls_error *error);

/* Gives the connection its end, if it has none yet: for a service whose other side failed. */
void conn_fail(actpass_conn *conn, actpass_end end, const char *why);

#endif
