/* A connection: relay, SSL object and close reason. conn*.c define what actpass.h declares for
 * connections; this header declares the steps that these calls are made of.
 *
 * Lock: conn->lock is held around every SSL call and guards the SSL object; waits are outside it
 * (hazard 10). It is taken before the relay's lock, never after it. */
#ifndef ACTPASS_SERVER_CONN_H
#define ACTPASS_SERVER_CONN_H

#include "relay/relay.h"
#include "server/include/actpass.h"
#include "server/lib/tls/policy.h"

enum { CONN_AGAIN = -2 }; /* nothing now: wait with conn_wait_until (conn_internal.h) */

/* Is there a TCP connection already? */
enum conn_socket {
    CONN_CONNECTED,
    CONN_UNCONNECTED /* TCP Fast Open: the first flight is sent to the peer's address in the SYN,
                        and the handshake fails if the TCP connection is not up by its deadline.
                        Relay transport and role client only */
};

/* What is particular to one connection. All zero: nothing. */
struct conn_options {
    enum conn_socket socket;
    int64_t connect_deadline_us; /* of CONN_UNCONNECTED */
    enum config_dialer dialer;
    enum role hint;      /* with role auto: the role to take at once */
    int64_t max_wait_ms; /* with role auto: max. wait for the first bytes; 0: as configured */
    /* The peer's address if it is known; size 0: conn_new asks the socket for it. */
    struct sockaddr_storage peer;
    socklen_t peer_size;
};

/* Like actpass_accept_fd, but the wait for the peer's first bytes begins with conn_start, and a TCP
 * socket must have TCP_NODELAY already (hazard 44). CONFIG must be frozen. OPTIONS may be NULL.
 * Returns NULL with errno, and closes the descriptor, on failure. */
actpass_conn *conn_new(actpass_config *config, int fd, const struct conn_options *options);

/* Notes that we dialed ADDRESS. As client we then send its host in the handshake (SNI) if the
 * configuration has no name, and can resume a session of that peer. Must come before conn_start.
 * Returns 0, or an errno: EINVAL if it is no address. */
int conn_dialed(actpass_conn *conn, const char *address);

/* Has the transport ever been connected? Not at first if it was CONN_UNCONNECTED. */
bool conn_was_connected(const actpass_conn *conn);

/* Was data sent in the SYN that the peer did not accept? After actpass_handshake, before
 * actpass_close. */
bool conn_syn_refused(actpass_conn *conn);

/* Is there no connection yet because the previous one from the same local port has not ended? Fast
 * Open only. */
bool conn_address_busy(actpass_conn *conn);

/* Starts the relay thread, if the connection blocks. Returns 0, or the errno of pthread_create; the
 * caller frees the connection in either case. */
int conn_start(actpass_conn *conn);

/* Reads up to SIZE bytes, from several records if there are. Returns their number, 0 after the
 * peer's close_notify, -1 on failure, or CONN_AGAIN. */
int64_t conn_read_some(actpass_conn *conn, void *buffer, size_t size);

/* Takes as many bytes as possible now, in whole records. Returns their number, -1 on failure, or
 * CONN_AGAIN. The next wait or conn_flush sends them. */
int64_t conn_write_some(actpass_conn *conn, const void *data, size_t size);
void conn_flush(actpass_conn *conn);

/* The result of a request for the client's certificate. */
enum conn_asked {
    ASKED_GIVEN,  /* there is one, and the policy accepts it; it may have been there before */
    ASKED_NONE,   /* there is none, and the connection goes on; *WHY has the reason */
    ASKED_FAILED, /* the connection has its close reason */
    ASKED_AGAIN   /* never returned */
};

/* What becomes of the connection if the client cannot or will not give a certificate. */
enum conn_demand {
    CERTIFICATE_OPTIONAL, /* it may go on */
    CERTIFICATE_REQUIRED  /* it may go on only if no request was sent */
};

/* Like actpass_request_certificate, but without a certificate the connection may go on, as DEMAND
 * says. */
enum conn_asked conn_ask_certificate(actpass_conn *conn, enum conn_demand demand,
                                     int64_t deadline_us, struct error_text *why);

/* Does the peer's certificate satisfy one more policy, such as an access list? The policy of TLS
 * has accepted it already. Returns false with ERROR, also if there is no certificate. Any thread.
 */
bool conn_peer_is(actpass_conn *conn, const struct policy *policy, struct error_text *error);

/* Sets the close reason unless there is one: for a handler whose other side failed. Any thread. */
void conn_fail(actpass_conn *conn, actpass_end end, const char *why);

#endif
