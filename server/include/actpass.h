/* actpass: a TLS peer that need not know beforehand which end is the TLS client.
 *
 * Life of a connection:
 *
 *   actpass_config_new, setters           once
 *   actpass_accept_fd or actpass_connect  a TCP connection becomes an actpass_conn
 *   actpass_handshake                     waits for the peer's first bytes, decides the role
 *   actpass_read, actpass_write           or blocking OpenSSL code on actpass_ssl
 *   actpass_close, actpass_free           orderly and bounded; then the memory
 *
 * Threads. One thread may read (actpass_read) and another may write (actpass_write,
 * actpass_shutdown_write) on the same connection at the same time. actpass_abort and
 * actpass_info may be called from any thread at any time before actpass_free. Everything else on
 * a connection belongs to one thread at a time. A configuration belongs to one thread until its
 * first use and may then be used, but not changed, by all.
 *
 * Times are in milliseconds, ACTPASS_NEVER is no limit. No function prints, raises a signal or
 * changes a signal's disposition. */
#ifndef ACTPASS_H
#define ACTPASS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACTPASS_API __attribute__((visibility("default")))
#define ACTPASS_VERSION "0.1.0"
#define ACTPASS_NEVER INT64_C(-1)

typedef struct actpass_config actpass_config;
typedef struct actpass_conn actpass_conn;
typedef struct actpass_server actpass_server;
struct ssl_st; /* OpenSSL's SSL */

/* Which end of TLS we are, or may be. */
typedef enum {
    ACTPASS_ROLE_AUTO,
    ACTPASS_ROLE_SERVER,
    ACTPASS_ROLE_CLIENT,
    ACTPASS_ROLE_NONE
} actpass_role;

/* Why the role is what it is. With a role of ACTPASS_ROLE_NONE: why there is none. */
typedef enum {
    ACTPASS_CAUSE_UNDECIDED,
    ACTPASS_CAUSE_CONFIGURED,
    ACTPASS_CAUSE_CLIENT_HELLO,             /* the peer sent a ClientHello: we are server */
    ACTPASS_CAUSE_SILENCE,                  /* the peer sent nothing in time: we are client */
    ACTPASS_CAUSE_CLOSED_BEFORE_FIRST_BYTE, /* port scan, health check */
    ACTPASS_CAUSE_PEER_ANSWERS_AS_SERVER,   /* ServerHello or HelloRequest came first */
    ACTPASS_CAUSE_ALERT_FIRST,
    ACTPASS_CAUSE_NOT_TLS,
    ACTPASS_CAUSE_HELLO_INCOMPLETE,  /* the start of a hello, then nothing */
    ACTPASS_CAUSE_CLIENT_HELLO_LATE, /* it came just before ours was sent: we are server */
    ACTPASS_CAUSE_GLARE_WON,         /* both sent a ClientHello: we stay client */
    ACTPASS_CAUSE_GLARE_LOST,        /* both sent a ClientHello: we become server */
    ACTPASS_CAUSE_GLARE_UNSUPPORTED, /* both sent one, and the peer knows no rule for it */
    ACTPASS_CAUSE_REFLECTION,        /* our own ClientHello came back */
    ACTPASS_CAUSE_HINT               /* configured for that peer: role_hints */
} actpass_cause;

/* How a connection ended. ACTPASS_OPEN until then. CLEAN is only ever said when the peer's
 * close_notify was seen (RFC 8446 section 6.1, RFC 5246 section 7.2.1) and ours was sent. */
typedef enum {
    ACTPASS_OPEN,
    ACTPASS_CLEAN,
    ACTPASS_TRUNCATED, /* end of stream without close_notify */
    ACTPASS_RESET,     /* the transport failed */
    ACTPASS_TIMEOUT,
    ACTPASS_CANCELLED, /* actpass_abort, or we ended it ourselves before it was done */
    ACTPASS_PROTOCOL,  /* not TLS, or TLS gone wrong; a fatal alert that is not about identity */
    ACTPASS_REFUSED    /* identity: we refused the peer's, or the peer ours */
} actpass_end;

typedef enum {
    ACTPASS_CLIENT_AUTH_NONE,
    ACTPASS_CLIENT_AUTH_REQUEST,
    ACTPASS_CLIENT_AUTH_REQUIRE,
    ACTPASS_CLIENT_AUTH_ON_DEMAND /* not in the handshake, but by actpass_request_certificate */
} actpass_client_auth;
typedef enum { ACTPASS_TRANSPORT_RELAY, ACTPASS_TRANSPORT_DIRECT } actpass_transport;

typedef enum {
    ACTPASS_INITIAL_DATA_TIMEOUT, /* default 5 s; 0: connect at once; never: always wait */
    ACTPASS_HANDSHAKE_TIMEOUT,    /* from the first byte or the verdict; default 10 s */
    ACTPASS_IDLE_TIMEOUT,         /* the longest wait inside one read; default 1 h */
    ACTPASS_WRITE_TIMEOUT,   /* output that the peer takes at less than 64 bytes a second over that
                                time; default 60 s */
    ACTPASS_CLOSE_TIMEOUT,   /* the whole of actpass_close; default 5 s */
    ACTPASS_CONNECT_TIMEOUT, /* the whole of actpass_connect; default 10 s */
    ACTPASS_SESSION_TIMEOUT  /* how long a session can be resumed, 1 s to 24 h; default 5 min */
} actpass_timeout;

/* ---- Configuration ------------------------------------------------------------------------
 * Setters copy their strings. They return 0, or -1 with the reason in actpass_config_error: a bad
 * value, out of memory, or a configuration that is already in use (frozen). */

ACTPASS_API actpass_config *actpass_config_new(void); /* NULL: out of memory */

/* Takes the settings of one service of a JSON configuration; SERVICE may be NULL for the first. */
ACTPASS_API int actpass_config_load(actpass_config *config, const char *file, const char *service);

/* Gives up the caller's reference. Connections keep their own. NULL is fine. */
ACTPASS_API void actpass_config_free(actpass_config *config);

/* One sentence about the calling thread's last failure on this configuration; "" if there is none,
 * never NULL. The text belongs to the configuration: it is valid until this thread's next call on
 * this configuration fails, and until actpass_config_free. Any thread; other threads and other
 * configurations do not change it. */
ACTPASS_API const char *actpass_config_error(const actpass_config *config);

ACTPASS_API int actpass_config_set_role(actpass_config *config, actpass_role role);
ACTPASS_API int actpass_config_set_transport(actpass_config *config, actpass_transport transport);
ACTPASS_API int actpass_config_set_timeout(actpass_config *config, actpass_timeout which,
                                           int64_t ms);

/* TCP Fast Open (RFC 7413) for actpass_connect, off where nothing is said: the ClientHello goes in
 * the SYN where we are TLS client by ACTPASS_ROLE_CLIENT, through the relay, and both systems allow
 * it; else the connection is an ordinary one. The handshake then begins before there is a
 * connection: actpass_connect does all of it, and actpass_handshake says what came of it. */
ACTPASS_API int actpass_config_set_tcp_fast_open(actpass_config *config, int on);

/* The local address of actpass_connect's TCP connections, an IP address and a port: "0.0.0.0:4433",
 * "[::]:0"; port 0 takes a free one. NULL, as at first: any. From fixed ports two that connect to
 * each other meet without a listener (TCP simultaneous open). A fixed port has one connection to a
 * peer at a time: while there is one, or its end is not over, the next one waits within the connect
 * timeout. */
ACTPASS_API int actpass_config_set_dial_from(actpass_config *config, const char *address);

/* Our certificate chain and key, PEM files. Needed where we may be TLS server. */
ACTPASS_API int actpass_config_set_identity(actpass_config *config, const char *certificate,
                                            const char *key);

/* Whom to trust: a PEM file, or "system". */
ACTPASS_API int actpass_config_set_ca(actpass_config *config, const char *ca);

/* Adds a name that the peer's certificate may carry: a DNS name ("*.example.org" covers one
 * leftmost label), an IP address, or a name with its kind before it: "dns:", "ip:", "uri:",
 * "email:" or, for the subject's common name, "cn:". The same names hold in both roles. */
ACTPASS_API int actpass_config_add_peer_name(actpass_config *config, const char *name);

/* Adds a pin: "sha256:" and the hex digits of the SHA-256 of the peer's SubjectPublicKeyInfo.
 * With pins and no CA, the pin alone is trusted. */
ACTPASS_API int actpass_config_add_peer_pin(actpass_config *config, const char *pin);

/* What we want of a TLS client: nothing, to ask for a certificate, to insist on one, or to ask
 * later. With ACTPASS_ROLE_AUTO the peer chooses its role, so the role proves nothing: then it must
 * be said, whatever it is (actpass_accept_fd fails otherwise). For actpass_connect with
 * ACTPASS_ROLE_AUTO or ACTPASS_ROLE_SERVER only ACTPASS_CLIENT_AUTH_REQUIRE will do. Neither holds
 * with actpass_config_set_insecure_any_peer. Default for ACTPASS_ROLE_SERVER and actpass_accept_fd:
 * nothing. */
ACTPASS_API int actpass_config_set_client_auth(actpass_config *config, actpass_client_auth auth);
ACTPASS_API int actpass_config_set_server_name(actpass_config *config, const char *name); /* SNI */
ACTPASS_API int actpass_config_set_ciphers(actpass_config *config, const char *tls12_ciphers,
                                           const char *tls13_ciphersuites); /* NULL: default */
ACTPASS_API int actpass_config_set_min_version(actpass_config *config,
                                               int tls_version); /* 0x0303, 0x0304 */
/* Adds an application protocol (ALPN, RFC 7301), the preferred one first. A peer that takes part in
 * ALPN and has none of them is refused; for one that takes no part see
 * actpass_config_set_require_alpn. */
ACTPASS_API int actpass_config_add_alpn(actpass_config *config, const char *protocol);
/* More of TLS, such as sessions, several certificates and revocation: actpass_tls.h. */

/* ---- Connections -------------------------------------------------------------------------- */

/* Makes a connection of a connected stream socket, whoever opened it. The descriptor is ours from
 * now on, also on failure. Starts the wait for the peer's first bytes and returns at once. The
 * first use freezes the configuration and loads what it names. NULL: see actpass_config_error, also
 * where client authentication must be said and was not (actpass_config_set_client_auth). */
ACTPASS_API actpass_conn *actpass_accept_fd(actpass_config *config, int fd);

/* Opens a TCP connection to "host:port", "[v6]:port" or "unix:/path" within the connect timeout.
 * The role is the configuration's, too: with ACTPASS_ROLE_AUTO we listen first. With TCP Fast Open
 * it shakes hands, too, within the handshake timeout; where that fails there is still a connection,
 * if TCP's came up. Where we may become TLS server, the configuration must require the peer's
 * certificate (actpass_config_set_client_auth). NULL: see actpass_config_error. */
ACTPASS_API actpass_conn *actpass_connect(actpass_config *config, const char *address);

/* Blocks until the role is decided and TLS is up, at most for the initial data timeout and the
 * handshake timeout. 0, or -1: see actpass_ended and actpass_error. */
ACTPASS_API int actpass_handshake(actpass_conn *conn);

/* Reads at least one byte, blocking for at most the idle timeout. Returns the number of bytes; 0
 * only after the peer's close_notify; -1 otherwise: see actpass_ended (a bare end of stream is
 * ACTPASS_TRUNCATED). After -1 every further read fails in the same way. */
ACTPASS_API int64_t actpass_read(actpass_conn *conn, void *buffer, size_t size);

/* Writes all of it, blocking while the peer takes nothing for at most the write timeout. 0, or -1:
 * then it is not known how much arrived. Written means handed to the relay; actpass_close tells
 * whether the peer got it. */
ACTPASS_API int actpass_write(actpass_conn *conn, const void *data, size_t size);

/* Sends close_notify: we shall write no more. Reading goes on. 0 or -1. */
ACTPASS_API int actpass_shutdown_write(actpass_conn *conn);

/* As TLS server, asks the client for its certificate after the handshake: in TLS 1.3 by
 * post-handshake authentication, in TLS 1.2 by a renegotiation that we start. Blocks until the
 * client has answered, at most TIMEOUT_MS (negative: the handshake timeout), while the client may
 * go on with data: up to 64 KiB of it are kept and are the next that actpass_read returns. Returns
 * 0 if there is a certificate and it is accepted by the same rules as in the handshake, at once
 * where there was one before; actpass_info then tells of it. -1 else: the connection has ended, as
 * ACTPASS_REFUSED where the client cannot or will not give a certificate, or gives one that we
 * refuse. No other thread may be in a call on this connection but actpass_abort and actpass_info.
 * Not with actpass_ssl.
 *
 * As TLS client we answer such requests inside actpass_read and actpass_write, with our identity if
 * there is one. In TLS 1.2 up to 16 on a connection, each within the handshake timeout, and the
 * server must show the same certificate again. (With actpass_ssl, do not write before SSL_read has
 * waited: OpenSSL's SSL_write takes no data meanwhile.) */
ACTPASS_API int actpass_request_certificate(actpass_conn *conn, int64_t timeout_ms);

/* Ends the connection in order: close_notify, all output, FIN; then reads and discards until the
 * peer has ended or the close timeout. Returns how the connection ended, never ACTPASS_OPEN. The
 * descriptor is closed on return. May be called again: same answer. */
ACTPASS_API actpass_end actpass_close(actpass_conn *conn);

/* Ends the connection at once (RST). Any thread; wakes calls that block on it, which fail with
 * ACTPASS_CANCELLED. Frees nothing. */
ACTPASS_API void actpass_abort(actpass_conn *conn);

/* Aborts it if it is still open, then frees. No other thread may be in a call. NULL is fine. */
ACTPASS_API void actpass_free(actpass_conn *conn);

/* The SSL object for existing blocking OpenSSL code: SSL_read, SSL_write, SSL_shutdown and the rest
 * block and obey the timeouts. One thread only, after actpass_handshake; instead of actpass_read
 * and actpass_write, not beside them. Stays ours, and so does its message callback
 * (SSL_set_msg_callback), by which actpass_close knows what was really said. NULL before the
 * handshake. */
ACTPASS_API struct ssl_st *actpass_ssl(actpass_conn *conn);

typedef struct {
    actpass_role role; /* AUTO while undecided */
    actpass_cause cause;
    actpass_end end;
    int peer_spoke_first;    /* 1: bytes came before we sent any; 0: not so, or not yet */
    int64_t first_byte_us;   /* from accept to the peer's first byte; -1: none yet */
    int64_t decided_us;      /* from accept to the verdict; -1: not yet */
    uint64_t received, sent; /* bytes on the wire */
    const char *protocol; /* "TLSv1.3"; "" before the handshake. These strings live as long as the
                             connection */
    const char *cipher;
    const char *alpn; /* "" when none was agreed */
    int resumed;      /* 1: a session from before was resumed; 0: not so, or not yet */
    int syn_data; /* 1: data travelled in the SYN (TCP Fast Open); asked for where it is configured
                   */
    const char *peer_address;     /* "192.0.2.1:4711", "unix" */
    const char *peer_subject;     /* RFC 2253 form; "" without a certificate */
    const char *peer_fingerprint; /* SHA-256 of the certificate, hex; "" without one */
} actpass_info_t;

/* What is known by now. Any thread. */
ACTPASS_API void actpass_info(actpass_conn *conn, actpass_info_t *info);

ACTPASS_API actpass_end actpass_ended(const actpass_conn *conn);

/* One sentence on why the connection ended as it did; "" while it is open. Lives as long as the
 * connection. */
ACTPASS_API const char *actpass_error(const actpass_conn *conn);

typedef enum { ACTPASS_EVENT_ROLE, ACTPASS_EVENT_HANDSHAKE, ACTPASS_EVENT_CLOSE } actpass_event;

/* Has CALL called once for each event (ROLE again where glare has changed it) of each later
 * connection of this configuration, on the thread on which it happens and with no lock held. It may
 * call actpass_info and actpass_abort only. With TCP Fast Open it hears of each attempt of
 * actpass_connect, also of those that come to no connection. */
ACTPASS_API int actpass_on_event(actpass_config *config,
                                 void (*call)(actpass_conn *conn, actpass_event event, void *arg),
                                 void *arg);

/* Names as used in the log: "client_hello", "CLEAN", "server". Never NULL. */
ACTPASS_API const char *actpass_cause_name(actpass_cause cause);
ACTPASS_API const char *actpass_end_name(actpass_end end);
ACTPASS_API const char *actpass_role_name(actpass_role role);

/* ---- The program as a library -------------------------------------------------------------- */

/* Loads a JSON configuration and opens its listeners. NULL on failure, with all errors, a line
 * each, in *errors, which the caller frees with free(). Warnings are logged. */
ACTPASS_API actpass_server *actpass_server_new(const char *file, char **errors);

/* Serves until actpass_server_stop; then drains. 0: every connection ended by itself; 1: some had
 * to be cut; -1: it could not serve. */
ACTPASS_API int actpass_server_run(actpass_server *server);

/* The first call drains, the second cuts. Any thread, and async-signal-safe. */
ACTPASS_API void actpass_server_stop(actpass_server *server);

/* Reads certificates, keys, CAs, CRLs, OCSP responses and session keys again, for connections that
 * begin from now on; not the configuration itself. Sessions that are kept in memory go. A service
 * with a file that cannot be used keeps what it has, which is logged. 0, or -1: there was such a
 * service. Any thread, one at a time. */
ACTPASS_API int actpass_server_reload(actpass_server *server);

ACTPASS_API void actpass_server_free(actpass_server *server); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#include "actpass_tls.h"
#endif
