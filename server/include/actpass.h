/* actpass: a TLS peer that decides at run time whether it acts as TLS client or TLS server.
 *
 * The life of a connection:
 *
 *   actpass_config_new, setters           once
 *   actpass_accept_fd or actpass_connect  make an actpass_conn of a TCP connection
 *   actpass_handshake                     waits for the peer's first bytes, decides the role
 *   actpass_read, actpass_write           or blocking OpenSSL code on actpass_ssl
 *   actpass_close                         closes in order, within a bounded time
 *   actpass_free                          frees the memory
 *
 * Threads: One thread may read (actpass_read) while another writes (actpass_write,
 * actpass_shutdown_write) on the same connection. actpass_abort, actpass_info, actpass_ended and
 * actpass_error may be called from any thread at any time before actpass_free. All other calls on a
 * connection belong to one thread at a time. A configuration belongs to one thread until its first
 * use; from then on all threads may use it, and none can change it.
 *
 * Errors: A function that fails returns -1 or NULL. The reason is in actpass_error for a connection
 * and in actpass_config_error for a configuration. A handle must not be NULL unless the function
 * allows it.
 *
 * Times are in milliseconds unless the name says otherwise (_us: microseconds). ACTPASS_NEVER means
 * no limit, where it is allowed. Except where noted, no function prints, raises a signal or changes
 * the disposition of a signal. */
#ifndef ACTPASS_H
#define ACTPASS_H

#include "actpass_types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACTPASS_VERSION "0.1.0"
#define ACTPASS_NEVER INT64_C(-1)

struct ssl_st; /* OpenSSL's SSL */

/* What a TLS server asks of the client. */
typedef enum {
    ACTPASS_CLIENT_AUTH_NONE,     /* no certificate */
    ACTPASS_CLIENT_AUTH_REQUEST,  /* a certificate, but a client without one is accepted */
    ACTPASS_CLIENT_AUTH_REQUIRE,  /* a certificate; a client without one is refused */
    ACTPASS_CLIENT_AUTH_ON_DEMAND /* not in the handshake, but by actpass_request_certificate */
} actpass_client_auth;

/* How bytes pass between TLS and the socket. */
typedef enum {
    ACTPASS_TRANSPORT_RELAY, /* the default: through buffers, so that we read while we write */
    ACTPASS_TRANSPORT_DIRECT /* without buffers, and without a thread of ours */
} actpass_transport;

/* Each of 1 ms to 8760 h, unless it says more. */
typedef enum {
    /* With ACTPASS_ROLE_AUTO, the wait for the peer's first bytes before we become TLS client.
     * Default 5 s. 0: become client at once. ACTPASS_NEVER: never become client. */
    ACTPASS_INITIAL_DATA_TIMEOUT,
    ACTPASS_HANDSHAKE_TIMEOUT, /* from the first byte, or the decision of the role; default 10 s */
    ACTPASS_IDLE_TIMEOUT,      /* the wait inside one read; default 1 h; or ACTPASS_NEVER */
    /* The time over which the peer may take output at less than 64 bytes a second; default 60 s. */
    ACTPASS_WRITE_TIMEOUT,
    ACTPASS_CLOSE_TIMEOUT,   /* all of actpass_close; default 5 s; or 0 */
    ACTPASS_CONNECT_TIMEOUT, /* all of actpass_connect; default 10 s */
    ACTPASS_SESSION_TIMEOUT  /* how long a session can be resumed, 1 s to 24 h; default 5 min */
} actpass_timeout;

/* ---- Configuration ------------------------------------------------------------------------
 * Setters copy their strings. Of files they keep only the names: the first use reads them. They
 * return 0, or -1 with the reason in actpass_config_error: a bad value, out of memory, or a
 * configuration that is in use and cannot be changed any more. A setter that fails changes nothing.
 * NULL is a bad value where nothing else is said, and so is the empty string. */

/* Makes a configuration with the defaults; actpass_config_free releases it. NULL: no memory. */
ACTPASS_API actpass_config *actpass_config_new(void);

/* Takes the settings of one service from a file in JSON, in place of those made by setters. SERVICE
 * is the service's name; NULL takes the first service. 0, or -1: see actpass_config_error. */
ACTPASS_API int actpass_config_load(actpass_config *config, const char *file, const char *service);

/* The same for LENGTH bytes of JSON in memory, which need not end in NUL. Relative paths in it
 * begin at the working directory; messages call it "text". */
ACTPASS_API int actpass_config_load_text(actpass_config *config, const char *json, size_t length,
                                         const char *service);

/* Does now what the first use of the configuration would do: reads all files, makes the TLS
 * contexts and opens the store of sessions. 0: it is in use from now on, so that what was checked
 * is what connections use, and it cannot be changed any more; a second call changes nothing. -1: it
 * is as before, and can be mended and checked again. A configuration that passes is fit for
 * actpass_accept_fd; actpass_connect may still require more (actpass_config_set_client_auth). */
ACTPASS_API int actpass_config_check(actpass_config *config);

/* Releases the caller's reference; connections hold references of their own. CONFIG may be NULL. */
ACTPASS_API void actpass_config_free(actpass_config *config);

/* One sentence about the calling thread's last failure on this configuration; "" if there is none,
 * never NULL. The text belongs to the configuration: it is valid until this thread's next call on
 * this configuration fails, and until actpass_config_free. Any thread; other threads and other
 * configurations do not change it. A thread whose id an ended thread had inherits that thread's
 * text, so ask only after a failure. */
ACTPASS_API const char *actpass_config_error(const actpass_config *config);

/* AUTO (the default): the peer's first bytes decide. NONE cannot be set. */
ACTPASS_API int actpass_config_set_role(actpass_config *config, actpass_role role);

ACTPASS_API int actpass_config_set_transport(actpass_config *config, actpass_transport transport);

/* Sets one timeout, in milliseconds. The limits are those of the JSON configuration. */
ACTPASS_API int actpass_config_set_timeout(actpass_config *config, actpass_timeout which,
                                           int64_t ms);

/* TCP Fast Open (RFC 7413) for actpass_connect; ON is 0 or 1. Off by default. The SYN carries the
 * ClientHello if the role is ACTPASS_ROLE_CLIENT, the transport is the relay and both systems allow
 * it; otherwise the connection is an ordinary one. The handshake then begins before the TCP
 * connection exists: actpass_connect performs all of it, and actpass_handshake returns its
 * result. */
ACTPASS_API int actpass_config_set_tcp_fast_open(actpass_config *config, int on);

/* When a TCP peer that does not answer any more, such as a device whose power was cut, is given up:
 * IDLE_MS + INTERVAL_MS * PROBES after its last packet, or after the oldest data that it has not
 * acknowledged (SO_KEEPALIVE, TCP_USER_TIMEOUT). The close reason is ACTPASS_TIMEOUT then. A peer
 * that takes no data for so long is given up, too. Both times are 1 s to 9 h, in whole seconds
 * (rounded up), and PROBES is 1 to 127. Holds for all connections once it is called; the default is
 * 60 s, 10 s and 3 for connections that we have dialed, and what the socket has for the others.
 * IDLE_MS ACTPASS_NEVER: what the socket has, for all; the other two are ignored. */
ACTPASS_API int actpass_config_set_keepalive(actpass_config *config, int64_t idle_ms,
                                             int64_t interval_ms, int64_t probes);

/* The local address of actpass_connect's TCP connections, an IP address and a port: "0.0.0.0:4433",
 * "[::]:0". Port 0 takes a free port. NULL (the default): any address. With fixed ports, two peers
 * that connect to each other meet without a listener (TCP simultaneous open). From a fixed port
 * there is one connection to a peer at a time: as long as it exists or TCP still closes it, the
 * next actpass_connect waits, within the connect timeout. */
ACTPASS_API int actpass_config_set_dial_from(actpass_config *config, const char *address);

/* The same without a port, for both families: adds a local IP address, such as "192.0.2.1" or
 * "2001:db8::1", at most two. Of the addresses that are dialed, each is reached from the one of its
 * family; those of a family that has none are left out. Not together with
 * actpass_config_set_dial_from, which wins. */
ACTPASS_API int actpass_config_add_dial_source(actpass_config *config, const char *address);

/* The network interface that actpass_connect's TCP connections use, and no other (SO_BINDTODEVICE,
 * socket(7)). NULL (the default): as the routes say. */
ACTPASS_API int actpass_config_set_dial_device(actpass_config *config, const char *device);

/* The mark of their packets (SO_MARK), 1 to 2147483646. Whoever dials needs CAP_NET_RAW, in Linux
 * before 5.17 CAP_NET_ADMIN; else the dial fails and says so. 0 (the default): none. */
ACTPASS_API int actpass_config_set_dial_mark(actpass_config *config, uint32_t mark);

/* The proxy that actpass_connect dials through: "http://HOST:PORT", which is asked with CONNECT, or
 * "socks5://HOST:PORT". It gets the address as actpass_connect gets it, and resolves names; the TLS
 * connection is one with the peer as always. CREDENTIALS_FILE is the name of a file with
 * "user:password" that others must not be able to read, or NULL; it is read at each dial. A proxy
 * of NULL (the default): directly. The
 * peer's address that is known is the proxy's. There is no TCP Fast Open through a proxy, and no
 * simultaneous open. */
ACTPASS_API int actpass_config_set_dial_through(actpass_config *config, const char *proxy,
                                                const char *credentials_file);

/* Our certificate chain and key, the names of PEM files. Needed if we may become TLS server. Both
 * names may be the same. In place of an earlier one, also of actpass_config_set_identity_pem. */
ACTPASS_API int actpass_config_set_identity(actpass_config *config, const char *certificate,
                                            const char *key);

/* The CAs to trust: the name of a PEM file, or "system" for the CAs of the system. */
ACTPASS_API int actpass_config_set_ca(actpass_config *config, const char *ca);

/* Adds a name to those of which the peer's certificate must carry one: a DNS name ("*.example.org"
 * stands for one leftmost label), an IP address, or a name after its kind: "dns:", "ip:", "uri:",
 * "email:" or, for the subject's common name, "cn:". The names apply in both roles. */
ACTPASS_API int actpass_config_add_peer_name(actpass_config *config, const char *name);

/* Adds a pin: "sha256:" and 64 hex digits, the SHA-256 of the peer's SubjectPublicKeyInfo. With
 * pins and without a CA, a peer with such a key is trusted, whatever the rest of its certificate
 * says. */
ACTPASS_API int actpass_config_add_peer_pin(actpass_config *config, const char *pin);

/* What we ask of a TLS client. With ACTPASS_ROLE_AUTO the peer chooses its role, so the role proves
 * nothing: then this must be set, to any value, or actpass_accept_fd fails. actpass_connect with
 * ACTPASS_ROLE_AUTO or ACTPASS_ROLE_SERVER requires ACTPASS_CLIENT_AUTH_REQUIRE. Neither rule
 * applies with actpass_config_set_insecure_any_peer. Default for ACTPASS_ROLE_SERVER and
 * actpass_accept_fd: ACTPASS_CLIENT_AUTH_NONE. */
ACTPASS_API int actpass_config_set_client_auth(actpass_config *config, actpass_client_auth auth);

/* As client: the server name that we send (SNI), a DNS name. Default: the one peer name if that is
 * a DNS name without a wildcard, otherwise the host that actpass_connect was given. NULL: the
 * default. */
ACTPASS_API int actpass_config_set_server_name(actpass_config *config, const char *name);

/* The ciphers up to TLS 1.2 and the cipher suites of TLS 1.3, in OpenSSL's syntax
 * (openssl-ciphers(1)), which skips names that it does not know: a list of which nothing is left is
 * a bad value. NULL: the default. */
ACTPASS_API int actpass_config_set_ciphers(actpass_config *config, const char *tls12_ciphers,
                                           const char *tls13_ciphersuites);

/* The lowest version of TLS: 0x0303 (TLS 1.2, the default) or 0x0304 (TLS 1.3). */
ACTPASS_API int actpass_config_set_min_version(actpass_config *config, int tls_version);

/* Adds an application protocol (ALPN, RFC 7301), the preferred one first. A peer that uses ALPN and
 * offers or selects none of them is refused; for a peer that does not use ALPN see
 * actpass_config_set_require_alpn. */
ACTPASS_API int actpass_config_add_alpn(actpass_config *config, const char *protocol);

/* actpass_tls.h has the other TLS settings, such as sessions, more certificates and revocation.
 * actpass_identity.h has identities and CAs from memory, and callbacks. */

/* ---- Connections -------------------------------------------------------------------------- */

/* Makes a connection of a connected stream socket, whichever side opened it: TCP, unix (also of
 * socketpair(2)) or vsock. A pipe is no socket, and is refused. Takes the descriptor over, also on
 * failure. Starts the wait for the peer's first bytes and returns at once. The first
 * use of a configuration reads the files that it names; later it cannot be changed. The caller
 * frees the connection with actpass_free. NULL: see actpass_config_error, for example if client
 * authentication had to be set (actpass_config_set_client_auth). actpass_open.h has the same with
 * options. */
ACTPASS_API actpass_conn *actpass_accept_fd(actpass_config *config, int fd);

/* Opens a connection to "host:port", "[v6]:port" or "unix:/path" within the connect timeout. The
 * role is the configured one: with ACTPASS_ROLE_AUTO we wait for the peer's first bytes. With TCP
 * Fast Open this call may also perform the TLS handshake, within the handshake timeout; if only
 * that fails, there is still a connection. If we may become TLS server, the configuration must
 * require the peer's certificate (actpass_config_set_client_auth). The caller frees the connection
 * with actpass_free. NULL: see actpass_config_error. */
ACTPASS_API actpass_conn *actpass_connect(actpass_config *config, const char *address);

/* Blocks until the role is decided and the TLS handshake is complete, at most for the sum of the
 * initial data timeout and the handshake timeout. 0, or -1: see actpass_ended and actpass_error. */
ACTPASS_API int actpass_handshake(actpass_conn *conn);

/* Reads between one byte and SIZE bytes; blocks for at most the idle timeout. Returns the number of
 * bytes, 0 only after the peer's close_notify, or -1: see actpass_ended (a stream that ends without
 * close_notify is ACTPASS_TRUNCATED). After -1 all further reads fail in the same way. */
ACTPASS_API int64_t actpass_read(actpass_conn *conn, void *buffer, size_t size);

/* Writes all SIZE bytes; blocks while the peer takes no data, at most for the write timeout.
 * Returns 0 once the relay has the data; actpass_close returns whether the peer received it. -1: it
 * is not known how much the peer received. */
ACTPASS_API int actpass_write(actpass_conn *conn, const void *data, size_t size);

/* Sends close_notify, after which no more data can be written. Reads still work. 0, or -1. On a
 * non-blocking connection it is sent like data: actpass_events.h. */
ACTPASS_API int actpass_shutdown_write(actpass_conn *conn);

/* As TLS server, requests the client's certificate after the handshake: in TLS 1.3 by
 * post-handshake authentication, in TLS 1.2 by a renegotiation that we start. Blocks until the
 * client has answered, at most TIMEOUT_MS (negative: the handshake timeout). The client may send
 * data meanwhile: up to 64 KiB are kept, and actpass_read returns them next. No other thread may be
 * in a call on this connection except actpass_abort and actpass_info. Not to be used with
 * actpass_ssl.
 *
 * Returns 0 if there is a certificate and the rules of the handshake accept it, at once if there
 * was one before; actpass_info then describes it. Returns -1 otherwise: the connection is closed,
 * with ACTPASS_REFUSED if the client cannot or does not give a certificate, or gives one that we
 * refuse.
 *
 * As TLS client we answer such requests inside actpass_read and actpass_write, with our identity if
 * there is one. In TLS 1.2 we answer up to 16 on a connection, each within the handshake timeout,
 * and the server must show the same certificate again. (With actpass_ssl, do not write before
 * SSL_read has waited: OpenSSL's SSL_write takes no data meanwhile.) */
ACTPASS_API int actpass_request_certificate(actpass_conn *conn, int64_t timeout_ms);

/* Closes the connection in order: sends close_notify, all output and FIN, then reads and discards
 * until the peer has closed or the close timeout passes. Returns the close reason, never
 * ACTPASS_OPEN. The descriptor is closed on return. A second call returns the same. */
ACTPASS_API actpass_end actpass_close(actpass_conn *conn);

/* Closes the connection at once (RST). Any thread. Calls that block on the connection return, with
 * ACTPASS_CANCELLED as close reason. Frees nothing. */
ACTPASS_API void actpass_abort(actpass_conn *conn);

/* Aborts the connection if it is still open, then frees it. No other thread may be in a call on it.
 * CONN may be NULL. */
ACTPASS_API void actpass_free(actpass_conn *conn);

/* The SSL object, for existing code that uses OpenSSL: SSL_read, SSL_write, SSL_shutdown and the
 * others block and obey the timeouts. NULL before actpass_handshake has succeeded.
 *   - On a non-blocking connection (actpass_events.h) they fail with SSL_ERROR_WANT_READ or
 *     SSL_ERROR_WANT_WRITE instead. The object has a buffer between itself and the socket, so code
 *     that waits with select or poll must not ask SSL_get_fd, but call actpass_prepare_wait before
 *     each wait, after it has read until WANT_READ: it says what to wait for, and returns 0 where a
 *     wait would miss what is buffered. Our timeouts, except the write timeout, do not hold then.
 *   - One thread only, and instead of actpass_read and actpass_write, not beside them.
 *   - After a call that failed with SSL_ERROR_SSL or SSL_ERROR_SYSCALL, make no further call on the
 *     object (SSL_get_error(3)); call actpass_close and actpass_free.
 *   - The object belongs to the connection, which frees it, and so does its message callback
 *     (SSL_set_msg_callback): actpass_close learns from it what was sent and received. */
ACTPASS_API struct ssl_st *actpass_ssl(actpass_conn *conn);

/* What is known of a connection. The strings belong to the connection and live as long as it does;
 * none is NULL. Later versions add members at the end. */
typedef struct {
    actpass_role role; /* AUTO until it is decided */
    actpass_cause cause;
    actpass_end end;
    int peer_spoke_first;    /* 1: bytes came before we sent any; 0: no, or not yet */
    int64_t first_byte_us;   /* from accept to the peer's first byte; -1: none yet */
    int64_t decided_us;      /* from accept to the decision of the role; -1: not yet */
    uint64_t received, sent; /* bytes on the wire */
    const char *protocol;    /* "TLSv1.3"; "" before the handshake, as the next two */
    const char *cipher;
    const char *alpn;             /* "" if no protocol was agreed on */
    int resumed;                  /* 1: an earlier session was resumed; 0: no, or not yet */
    int syn_data;                 /* 1: the SYN carried data (TCP Fast Open) */
    const char *peer_address;     /* "192.0.2.1:4711", "unix" or "vsock:2:4711" */
    const char *peer_subject;     /* in the form of RFC 2253; "" without a certificate */
    const char *peer_fingerprint; /* SHA-256 of the certificate, hex; "" without a certificate */
    const char *server_name;      /* the name (SNI) that the client asked for; "" if it asked for
                                     none, and until the handshake is done or has failed */
    const char *group;            /* of the key exchange, "x25519"; "" if there was none, and
                                     before the handshake */
    int64_t hello_us;      /* from accept to the ClientHello, sent or received; -1: none yet */
    int64_t handshake_us;  /* from accept to the end of the handshake; -1: not yet */
    int64_t first_data_us; /* from accept to the first application data of either side; -1: none
                              yet */
    const char *peer_ocsp; /* of the peer's certificate: "good", "revoked", "unknown" or
                              "unavailable"; "": it was not checked by OCSP, or not yet */
} actpass_info_t;

/* Fills *INFO with what is known now. Any thread; does not wait for a call in progress. SIZE is the
 * size that the caller's header gives the struct: members behind it are left out, and members that
 * the library does not have are 0. */
ACTPASS_API void actpass_info_sized(actpass_conn *conn, actpass_info_t *info, size_t size);

/* The same with the caller's own size, which is why it is compiled into the caller. */
static inline void actpass_info(actpass_conn *conn, actpass_info_t *info)
{
    actpass_info_sized(conn, info, sizeof(*info));
}

/* The close reason; ACTPASS_OPEN as long as the connection is open. Any thread. */
ACTPASS_API actpass_end actpass_ended(const actpass_conn *conn);

/* One sentence on why the connection closed; "" as long as it is open. Never NULL; lives as long as
 * the connection. Any thread. */
ACTPASS_API const char *actpass_error(const actpass_conn *conn);

typedef enum { ACTPASS_EVENT_ROLE, ACTPASS_EVENT_HANDSHAKE, ACTPASS_EVENT_CLOSE } actpass_event;

/* Sets a callback for the events of all later connections of this configuration. CALL is called
 * with ARG once for each event (ROLE a second time if glare has changed the role), on the thread on
 * which the event happens, and not before the call for an earlier event has returned. It may call
 * only actpass_info, actpass_abort, actpass_user_data and actpass_set_user_data. With TCP Fast Open
 * it is also called for attempts of actpass_connect that lead to no connection. CALL NULL (the
 * default): none. 0, or -1: see actpass_config_error. */
ACTPASS_API int actpass_on_event(actpass_config *config,
                                 void (*call)(actpass_conn *conn, actpass_event event, void *arg),
                                 void *arg);

/* The names that the log uses: "client_hello", "CLEAN", "server". Static strings, never NULL. */
ACTPASS_API const char *actpass_cause_name(actpass_cause cause);
ACTPASS_API const char *actpass_end_name(actpass_end end);
ACTPASS_API const char *actpass_role_name(actpass_role role);

#ifdef __cplusplus
}
#endif

#include "actpass_events.h"
#include "actpass_identity.h"
#include "actpass_open.h"
#include "actpass_peer.h"
#include "actpass_tls.h"
#endif
