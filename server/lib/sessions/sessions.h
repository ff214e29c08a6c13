/* Session resumption of one configuration, in both roles. It connects OpenSSL's callbacks with a
 * store or with tickets (as server) and with the table of sessions that peers gave us (as client).
 *
 *   store.h      memory.c, file.c, redis.c    where a server's sessions are
 *   seal.h       keyring.c, tickets.c         how sessions outside of this process are protected
 *   clients.h                                 a client's sessions
 *   validity.h                                how long a session may be trusted
 *   exported.h                                a client's session as bytes for the user
 *
 * A session is resumed only in the scope (role, service, policy) in which it was made: OpenSSL
 * compares session-id contexts, and the store's key and the seal depend on the scope. The peer's
 * certificate is judged again before a session is resumed, and by tls_context_accepts afterwards.
 * Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_SESSIONS_H
#define ACTPASS_SERVER_SESSIONS_SESSIONS_H

#include "config/config.h"
#include "relay/verdict.h"
#include "server/lib/base/error.h"
#include "server/lib/sessions/scope.h"

#include <openssl/ssl.h>

struct sessions;

/* Opens the store and reads the keys. ACCEPTS says whether a peer with this certificate is still
 * accepted; it is called with ARG on any thread before a session is resumed. ARG must outlive the
 * result, and the result must outlive all SSL objects. NULL with error. */
struct sessions *sessions_new(const struct config_tls *tls,
                              bool (*accepts)(const void *arg, const X509 *peer), const void *arg,
                              struct error_text *error);
void sessions_free(struct sessions *sessions); /* may be NULL */

/* For another server's context that has its peers judged by another ACCEPTS: in the same store,
 * with the same keys, so that what one connection adds another one may remove. Only their
 * session-id contexts keep their sessions apart. OF must be in use by its own server's context
 * already, and must outlive the result. NULL with error. */
struct sessions *sessions_new_beside(const struct sessions *of,
                                     bool (*accepts)(const void *arg, const X509 *peer),
                                     const void *arg, struct error_text *error);

/* Before they are in use: REPORT is called with ARG for errors of the store or of the keys, at most
 * one a minute, on any thread. Without it they are lost. */
void sessions_report_to(struct sessions *sessions, void (*report)(const char *text, void *arg),
                        void *arg);

/* Sets up a server's or client's context, including its session-id context. False: no memory. */
bool sessions_use(struct sessions *sessions, SSL_CTX *ctx, enum role role,
                  const uint8_t scope[SCOPE_SIZE]);

/* Before a handshake as client: offers a session of this peer if there is one, and keeps those that
 * the peer will give. PEER is the address that was dialed. Without memory nothing is offered. */
void sessions_offer(struct sessions *sessions, SSL *ssl, const char *peer);

/* After a handshake as client that failed: the session offered in it is not offered again. */
void sessions_forget(struct sessions *sessions, SSL *ssl);

/* After a handshake: the lifetime of sessions begins now, though in TLS 1.3 a client may receive
 * them much later. Without memory it begins when they arrive. */
void sessions_begin(SSL *ssl);

/* Before SSL_free of a connection that had no TLS error: otherwise OpenSSL would remove its session
 * if close_notify was not sent. */
void sessions_spare(SSL *ssl);

#endif
