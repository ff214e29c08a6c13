/* What a connection can say about its peer and itself, and small calls. Part of actpass.h, which
 * includes this header.
 *
 * Threads: functions about a connection may be called from any thread at any time before
 * actpass_free, if they do not say otherwise. While code uses actpass_ssl, those that are marked
 * (SSL) belong to that code's thread. */
#ifndef ACTPASS_PEER_H
#define ACTPASS_PEER_H

#include "actpass_types.h"

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The peer -------------------------------------------------------------------------------- */

/* Copies a certificate of the chain that the peer has sent, in DER: INDEX 0 is the peer's own, the
 * others come in the peer's order, which need not be that of a valid chain. Only the first one was
 * accepted as a whole; the others are what the peer sent beside it. Returns the certificate's size
 * in bytes, and copies nothing if SIZE is smaller; so BUFFER may be NULL with SIZE 0. Returns 0 if
 * there is no such certificate: before the handshake, for a peer without one, behind the end; after
 * a resumption the chain may consist of the first one alone. -1: no memory. (SSL) */
ACTPASS_API int64_t actpass_peer_certificate(actpass_conn *conn, unsigned index, void *buffer,
                                             size_t size);

/* Copies a name of the peer's certificate as text, in the form of actpass_config_add_peer_name:
 * "dns:a.example", "ip:192.0.2.1", "uri:...", "email:..." for each name of the subjectAltName, in
 * its order, and at last "cn:..." if the subject has exactly one common name. Names of other kinds
 * are left out. INDEX counts from 0. Returns the length without the NUL, and copies nothing if SIZE
 * is not larger. Returns 0 if there is no such name: behind the last one, before the handshake,
 * without a certificate, or if any name holds a NUL byte, which no honest certificate has. -1: no
 * memory. What a name is worth depends on who vouches for it: see actpass_config_set_ca. (SSL) */
ACTPASS_API int64_t actpass_peer_name(actpass_conn *conn, unsigned index, char *text, size_t size);

/* Fills OUT with SIZE bytes that only the two ends of this connection can compute (RFC 5705; TLS
 * 1.3: RFC 8446 section 7.5; SSL_export_keying_material(3)). LABEL says what they are for. CONTEXT:
 * NULL for none, which TLS 1.2 distinguishes from an empty one. 0, or -1 if the handshake is not
 * complete, if TLS 1.2 was agreed on without the extended master secret (RFC 7627 section 5.4
 * forbids it then), or if OpenSSL refuses LABEL or SIZE. In TLS 1.2, a renegotiation (see
 * actpass_request_certificate) changes the result. (SSL)
 *
 * The channel binding "tls-exporter" (RFC 9266), by which a password exchange inside the connection
 * detects a man in the middle:
 *   uint8_t binding[32];
 *   actpass_export(conn, "EXPORTER-Channel-Binding", "", 0, binding, sizeof(binding)) */
ACTPASS_API int actpass_export(actpass_conn *conn, const char *label, const void *context,
                               size_t context_size, void *out, size_t size);

/* The socket address of the peer, or our own one, as getpeername(2) and getsockname(2) report them:
 * *SIZE is the size of ADDRESS's memory, and becomes that of the address. If that is larger, the
 * address is cut off. 0, or -1 if it is not known. The peer's address stays known as long as the
 * connection exists. Our own is known until actpass_close, and must not be asked for while another
 * thread may close. */
ACTPASS_API int actpass_peer_sockaddr(actpass_conn *conn, struct sockaddr *address,
                                      socklen_t *size);
ACTPASS_API int actpass_local_sockaddr(actpass_conn *conn, struct sockaddr *address,
                                       socklen_t *size);

/* Writes a socket address as text, in the form of actpass_info: "192.0.2.1:4711",
 * "[2001:db8::1]:4711", "unix" or "vsock:2:4711" (context and port). 0, or -1 if the address is of
 * another family, or the text and its NUL need more than SIZE bytes; 80 are enough. */
ACTPASS_API int actpass_sockaddr_text(const struct sockaddr *address, socklen_t address_size,
                                      char *text, size_t size);

/* ---- Which peers, for more than the handshake --------------------------------------------------
 * The configuration says which peers are accepted. A policy says which of these may do more: enter
 * a protected part of a site, for example. */

typedef struct actpass_policy actpass_policy;

/* Makes a policy that every peer with a certificate satisfies. The caller frees it with
 * actpass_policy_free. It belongs to one thread until its first use in actpass_peer_matches; from
 * then on it must not change, and any thread may use it. NULL: no memory. */
ACTPASS_API actpass_policy *actpass_policy_new(void);

/* Adds a name to those of which the certificate must carry one, or a pin to those of which its key
 * must have one, in the forms of actpass_config_add_peer_name and actpass_config_add_peer_pin. With
 * names and pins, one of each is required. 0, or -1: see actpass_policy_error. */
ACTPASS_API int actpass_policy_add_peer_name(actpass_policy *policy, const char *name);
ACTPASS_API int actpass_policy_add_peer_pin(actpass_policy *policy, const char *pin);

/* One sentence on the last failure of the two above; "" if there was none. Never NULL; valid until
 * the next one. */
ACTPASS_API const char *actpass_policy_error(const actpass_policy *policy);

ACTPASS_API void actpass_policy_free(actpass_policy *policy); /* may be NULL */

/* Returns 1 if the peer has a certificate, the handshake has accepted it, and it satisfies the
 * policy. Otherwise 0, also without memory, with one sentence in WHY, a buffer of WHY_SIZE bytes
 * (NULL: none); the connection goes on. (SSL) */
ACTPASS_API int actpass_peer_matches(actpass_conn *conn, const actpass_policy *policy, char *why,
                                     size_t why_size);

/* Judges the peer of an open connection again, by settings that may be newer than its own: other
 * CAs or revocation lists, for example. Asks for what CONFIG asks of a peer's certificate in a
 * handshake: the chain, which must be valid now, revocation, names, pins, client authentication,
 * the verify callback; not the protocol (ALPN). The first use of CONFIG, as actpass_config_check.
 * The session of a resumed connection may lack the rest of the chain: if CONFIG trusts the same CAs
 * and lists as the connection's own settings, the chain counts as valid until it expires; else the
 * peer is refused if its certificate is not directly of a CA that is trusted.
 *
 * Returns 1 if CONFIG accepts the peer, or asks for no certificate of it. Returns 0 if it refuses
 * the peer, and -1 if that is not known: CONFIG is wrong, there is no memory, or the handshake is
 * not complete. Then one sentence is in WHY, a buffer of WHY_SIZE bytes (NULL: none). The
 * connection goes on: end it by actpass_fail with ACTPASS_REFUSED, and actpass_abort. (SSL) */
ACTPASS_API int actpass_recheck(actpass_conn *conn, actpass_config *config, char *why,
                                size_t why_size);

/* Like actpass_request_certificate, for a client that may have none. Returns 1 if there is an
 * accepted certificate. Returns 0 if the client cannot or does not give one, with one sentence in
 * WHY (NULL: none): the connection goes on. Returns -1 if the connection has its close reason: the
 * client gave a certificate that we refuse, or did not answer in time. Blocks, on a non-blocking
 * connection, too. */
ACTPASS_API int actpass_request_optional_certificate(actpass_conn *conn, int64_t timeout_ms,
                                                     char *why, size_t why_size);

/* ---- The application's own data ----------------------------------------------------------------
 * One pointer for each connection, which the library only keeps. */

/* The value that all later connections of CONFIG begin with, so that it is there at the first event
 * (actpass_on_event); NULL at first. 0, or -1: see actpass_config_error. */
ACTPASS_API int actpass_config_set_user_data(actpass_config *config, void *data);

/* Callbacks of actpass_on_event may call these, too. */
ACTPASS_API void actpass_set_user_data(actpass_conn *conn, void *data);
ACTPASS_API void *actpass_user_data(const actpass_conn *conn);

/* ---- A limited wait -------------------------------------------------------------------------- */

/* Like actpass_read, but returns ACTPASS_AGAIN if there is no data after TIMEOUT_MS (0: after one
 * look; negative: no limit but the idle timeout), and the connection goes on. The idle timeout
 * holds within one call, too; if it passes first, the result is -1 with ACTPASS_TIMEOUT. Blocks, on
 * a non-blocking connection, too. Belongs to the thread that reads. */
ACTPASS_API int64_t actpass_read_until(actpass_conn *conn, void *buffer, size_t size,
                                       int64_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
