/* The two SSL_CTX of a configuration, one for each role, made from the same policy. They do not
 * change after the first SSL_new (hazard 11), so any thread may make SSL objects of them. */
#ifndef ACTPASS_SERVER_TLS_CONTEXT_H
#define ACTPASS_SERVER_TLS_CONTEXT_H

#include "config/config.h"
#include "relay/verdict.h"
#include "server/lib/sessions/exported.h"
#include "server/lib/tls/name_list.h"
#include "server/lib/tls/pem.h"
#include "server/lib/tls/policy.h"

#include <openssl/ssl.h>

struct tls_context;

/* Who owns the context. */
struct tls_owner {
    const char *service;       /* its name; "": none. Sessions of other services are not resumed */
    struct own_keys *own_keys; /* shared by all services; must outlive the context; NULL: none */
};

/* Loads or takes certificate, key and CA, and makes a context for each role that ROLE allows (auto:
 * both). NULL with error, which names the file or key and the remedy: a key that does not match the
 * certificate, a server without a certificate, a client or client authentication without anything
 * to trust, unknown ciphers, and so on. TLS may be freed afterwards. This thread's error queue is
 * empty on return. The caller frees the context with tls_context_free, after its SSL objects. */
struct tls_context *tls_context_new(struct tls_owner owner, const struct config_tls *tls,
                                    enum config_role role, struct error_text *error);
void tls_context_free(struct tls_context *context);

/* Makes the files that connections write to; without this call the first connection does. False
 * with error. Any thread. */
bool tls_context_make_files(struct tls_context *context, struct error_text *error);

struct ocsp;
struct ocsp_waiter;

/* What is around the contexts: the user's callbacks, each of which may be NULL, and OCSP. They must
 * stay callable as long as the context is there.
 */
struct tls_hooks {
    struct pem_passphrase passphrase; /* called only while contexts are made */
    struct policy_check check;
    /* For errors of the store or of the keys of sessions, at most one a minute: they cost full
     * handshakes, never a connection. */
    void (*log)(const char *text, void *arg);
    void *log_arg;
    struct ocsp *ocsp;                    /* NULL: "ocsp" asks for nothing */
    const struct config_through *through; /* to responders, if "ocsp" names no proxy; NULL: none */
};

/* As tls_context_new, with callbacks. */
struct tls_context *tls_context_new_with(struct tls_owner owner, const struct config_tls *tls,
                                         enum config_role role, const struct tls_hooks *hooks,
                                         struct error_text *error);

/* Before the context is in use: as TLS server, serves clients that ask for one of these names by
 * TLS, which may differ from that of the context only in what config_tls_with takes from the other
 * one. False with error. */
bool tls_context_add_virtual(struct tls_context *context, struct tls_owner owner,
                             const struct config_tls *tls, const struct config_strings *names,
                             const struct tls_hooks *hooks, struct error_text *error);

/* Begins to ask in the background (ocsp), as the first SSL object does. Not before the process has
 * confined itself. Any thread. */
void tls_context_start(const struct tls_context *context);

/* A new SSL object, ROLE_SERVER in accept state or ROLE_CLIENT in connect state, without a BIO. The
 * context must outlive it. NULL: no memory, or a role that the context was not made for. */
SSL *tls_context_ssl(struct tls_context *context, enum role role);

/* Our own certificates: 0 is that of "certificate", those of "certificates" follow, and those of
 * each virtual context in the same way. What is returned lives as long as the context. */
struct context_shown {
    X509 *certificate;                  /* NULL: there is no such one */
    const struct config_strings *names; /* that it is for; NULL: where no other one is */
    int64_t staple_until_s;             /* of its OCSP response, in seconds since 1970; 0: none */
};
struct context_shown tls_context_shown(const struct tls_context *context, size_t index);
size_t tls_context_shown_count(const struct tls_context *context);

/* Is this peer accepted? To be called after each handshake, also after a resumed one. A peer
 * without a certificate passes only if none is required. If ALPN is required, a protocol must have
 * been agreed on. False with error. */
bool tls_context_accepts(const struct tls_context *context, SSL *ssl, struct error_text *error);

/* What OCSP says of a peer that is accepted by all else, after each handshake. Never waits: PENDING
 * means that the responder is being asked; WAITER is woken when the caller is to call again. With
 * NULL, it is as if the responder had not answered. The caller ends the wait with ocsp_leave.
 * *FOUND, which is left alone where nothing is checked, is "good", "revoked", "unknown" or
 * "unavailable". REFUSED with error. */
enum tls_revocation { TLS_PEER_PASSES, TLS_PEER_REFUSED, TLS_PEER_PENDING };
enum tls_revocation tls_context_revocation(const struct tls_context *context, SSL *ssl,
                                           struct ocsp_waiter *waiter, const char **found,
                                           struct error_text *error);

/* How long a responder may take. */
int64_t tls_context_revocation_ms(const struct tls_context *context, const SSL *ssl);

/* Would this context accept the peer of a connection that BEFORE has accepted? By its certificate
 * PEER (NULL: it has proven none), its chain, the time, and what is asked of clients; the protocol
 * (ALPN) is not judged. The chain of a resumed connection, which its session may not contain,
 * counts as valid as long as both contexts trust the same. False with error, which is unknown if
 * error_is_no_memory. */
bool tls_context_accepts_again(const struct tls_context *context, const struct tls_context *before,
                               SSL *ssl, const X509 *peer, struct error_text *error);

/* On a connection that we opened, the peer must also be authenticated, whatever client
 * authentication is configured: it has shown a certificate, or the policy accepts any peer. */
bool tls_context_knows(const struct tls_context *context, SSL *ssl);

/* To be called once the first handshake is accepted. In a later one (TLS 1.2, renegotiation) the
 * peer must show the same certificate, and no protocol is agreed on again. True: we are client, and
 * a renegotiation by the server is safe (RFC 5746, RFC 7627) and will be answered. False: it is
 * refused. */
bool tls_context_up(SSL *ssl);

/* Add the groups and the application protocols (ALPN) that are offered and allowed. */
void tls_context_add_groups(const struct tls_context *context, struct name_list *list);
void tls_context_add_protocols(const struct tls_context *context, struct name_list *list);

/* Why verification failed on this SSL, in the words of policy_accepts or OpenSSL; "" if it did not.
 * Lives as long as the SSL. */
const char *tls_context_refusal(SSL *ssl);

/* ---- Sessions ------------------------------------------------------------------------------ */

/* Before a handshake as client: offers a session of the peer at that address, and keeps those that
 * the peer will give. */
void tls_context_offer(struct tls_context *context, SSL *ssl, const char *peer);

/* After a handshake that failed: the session offered in it will not be offered again. */
void tls_context_failed(struct tls_context *context, SSL *ssl);

/* Before SSL_free: keeps the session resumable, unless a fatal alert was sent or received. */
void tls_context_done(SSL *ssl);

/* The calls of exported.h, for the client's context. PEER may be NULL: no address was dialed. */
size_t tls_context_export(const struct tls_context *context, SSL *ssl, const char *peer,
                          uint8_t buffer[EXPORTED_MAX]);
bool tls_context_check_exported(const struct tls_context *context, const uint8_t *bytes,
                                size_t size, struct error_text *error);
bool tls_context_add_exported(struct tls_context *context, const uint8_t *bytes, size_t size,
                              struct error_text *error);
void tls_context_offer_exported(const struct tls_context *context, SSL *ssl, const uint8_t *bytes,
                                size_t size);

#endif
