/* Identities and CAs from memory, sessions to keep, and callbacks. actpass.h includes this file,
 * and its rules for setters apply.
 *
 * Callbacks: each is called with the ARG that was set with it, and must be callable as long as the
 * configuration and its connections exist. Each may be called on any thread, and on several at
 * once. Locks of the library may be held meanwhile: a callback must not block for long, and must
 * not call this library with the configuration or a connection of it. CALL NULL (the default):
 * none. */
#ifndef ACTPASS_IDENTITY_H
#define ACTPASS_IDENTITY_H

#include "actpass_types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Identities and CAs from memory ----------------------------------------------------------
 * PEM texts (RFC 7468), each ended by NUL and at most 1 MiB. They are copied; the caller may erase
 * them at once. A text without a certificate or key is refused at once, an encrypted key that
 * cannot be decrypted at the first use (actpass_config_check). */

/* Our certificate, then the rest of its chain, and our key, in place of those of
 * actpass_config_set_identity. Both texts may be the same. */
ACTPASS_API int actpass_config_set_identity_pem(actpass_config *config, const char *certificate,
                                                const char *key);

/* As actpass_config_add_certificate: one more identity, for clients that ask for SERVER_NAME. */
ACTPASS_API int actpass_config_add_certificate_pem(actpass_config *config, const char *server_name,
                                                   const char *certificate, const char *key);

/* The CAs to trust, one or more certificates, in place of those of actpass_config_set_ca. */
ACTPASS_API int actpass_config_set_ca_pem(actpass_config *config, const char *ca);

/* ---- What was loaded ------------------------------------------------------------------------- */

/* One of our own certificates. Later versions add members at the end. */
typedef struct {
    int64_t not_before, not_after; /* seconds since 1970, UTC */
    char serial[64];               /* hex digits; cut off if there are more */
    char subject[256];             /* in the form of RFC 2253; cut off if it is longer */
    /* The server names that it is for, with spaces between them; "": where no other one is. Names
     * for which there is no room are left out. */
    char server_names[1024];
    int64_t staple_until; /* until when the OCSP response is good that is fetched and sent with it
                             (actpass_config_set_ocsp_staple), in seconds since 1970, UTC; 0: there
                             is none now */
} actpass_certificate_t;

/* Fills *CERTIFICATE with what CONFIG has loaded: INDEX 0 is the identity's certificate, those of
 * actpass_config_add_certificate follow in their order. Uses the configuration, as
 * actpass_config_check does. Any thread. 0, or -1: there is no such certificate, or the
 * configuration cannot be used. SIZE is the size that the caller's header gives the struct: members
 * behind it are left out, and members that the library does not have are 0. */
ACTPASS_API int actpass_config_certificate_sized(actpass_config *config, unsigned index,
                                                 actpass_certificate_t *certificate, size_t size);

/* The same with the caller's own size, which is why it is compiled into the caller. */
static inline int actpass_config_certificate(actpass_config *config, unsigned index,
                                             actpass_certificate_t *certificate)
{
    return actpass_config_certificate_sized(config, index, certificate, sizeof(*certificate));
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

/* Sets a callback for the passphrases of encrypted keys, of files and of texts. CALL is called once
 * for each such key when the configuration is first used, on the thread that uses it. KEY is the
 * name of the key's file, or "in memory". CALL writes the passphrase, without a NUL, to BUFFER,
 * which has SIZE bytes (1024) and is erased after use. It returns the length, or -1 if there is
 * none: then the configuration cannot be used. Without a callback an encrypted key is an error;
 * nothing is ever asked for on the terminal. */
ACTPASS_API int actpass_config_set_passphrase(actpass_config *config,
                                              int (*call)(const char *key, char *buffer,
                                                          size_t size, void *arg),
                                              void *arg);

/* Sets a callback that may refuse a peer which all other settings accept. It cannot accept a peer
 * that they refuse: it is not called then. CERTIFICATE is the peer's own certificate, SIZE bytes of
 * DER (RFC 5280). CALL returns 0 to refuse, with a sentence for actpass_error in WHY, a buffer of
 * WHY_SIZE bytes that holds "" at first. Any other value accepts.
 *
 * It is called for each certificate that a peer shows: in the handshake, so that a refusal is sent
 * as an alert; after it; before a session is resumed, and after that; in both roles, and also with
 * actpass_config_set_insecure_any_peer. So it is called more than once for one connection. Not for
 * a peer without a certificate: see actpass_config_set_client_auth. */
ACTPASS_API int actpass_config_set_verify(actpass_config *config,
                                          int (*call)(const void *certificate, size_t size,
                                                      char *why, size_t why_size, void *arg),
                                          void *arg);

/* Sets a callback for what costs no connection and is no connection's error: failures of the store
 * of sessions and of its keys, at most one a minute; warnings about the JSON configuration, in
 * actpass_config_load, if it was set before; a version of OpenSSL with known faults. MESSAGE is one
 * sentence and lives for the call. */
ACTPASS_API int actpass_config_set_log(actpass_config *config,
                                       void (*call)(const char *message, void *arg), void *arg);

/* ---- Sessions to keep, as client --------------------------------------------------------------
 * A configuration keeps the sessions of peers that actpass_connect has dialed, and resumes them.
 * These calls are for other connections, and for sessions that outlive the process. The bytes hold
 * secrets that must be kept as a key is. They are usable only with the same version of this format
 * and the same settings about identity (peer names, pins, CAs, our certificate and so on), and
 * offered only with the same server name; the peer is judged again. A TLS 1.3 session should be
 * used once (RFC 8446 appendix C.4). What cannot be resumed costs a full handshake, never a
 * connection. */

/* The size of a buffer for any session. */
#define ACTPASS_SESSION_MAX 20480

/* Writes the newest session of a connection to BUFFER, whose SIZE should be ACTPASS_SESSION_MAX.
 * Returns the number of bytes; 0 if there is no session now: before the handshake, as server, with
 * sessions "off", and in TLS 1.3 until a ticket of the peer was read on this connection (RFC 8446
 * section 4.6.1), which actpass_read does: the ticket that was resumed is not given again. -1 if
 * SIZE is too small. Not after actpass_free; any thread. */
ACTPASS_API int64_t actpass_session_export(struct actpass_conn *conn, void *buffer, size_t size);

/* Offers an exported session in this connection's handshake, if we become client. To be called
 * before actpass_handshake; the bytes are copied. 0, or -1, with the reason in
 * actpass_config_error: the handshake has begun, or the session cannot be used. */
ACTPASS_API int actpass_session_import(struct actpass_conn *conn, const void *session, size_t size);

/* Adds an exported session to those that actpass_connect resumes. It is offered when the same
 * address is dialed as for the connection that it came from. Uses the configuration, as
 * actpass_config_check does. Any thread. 0, or -1: see actpass_config_error. */
ACTPASS_API int actpass_config_add_session(actpass_config *config, const void *session,
                                           size_t size);

#ifdef __cplusplus
}
#endif
#endif
