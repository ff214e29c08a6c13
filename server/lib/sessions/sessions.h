/* Session resumption of one configuration, in both roles: what OpenSSL asks for, joined to a store,
 * to tickets, and to the table of our own sessions as client.
 *
 *   store.h      memory.c, file.c, redis.c    where a server's sessions are
 *   seal.h       keyring.c, tickets.c         how those that leave the process are protected
 *   clients.h                                 a client's sessions
 *   validity.h                                how long a session may be trusted
 *
 * A session is only ever resumed in the scope (role, service, policy) that it was made in: OpenSSL
 * compares session-id contexts, the store's key is made of the scope, and the seal is bound to it.
 * The peer's certificate is looked at again before a session is resumed, and by tls_context_accepts
 * afterwards. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_SESSIONS_H
#define ACTPASS_SERVER_SESSIONS_SESSIONS_H

#include "config/config.h"
#include "server/lib/tls/policy.h"
#include "server/lib/tls/scope.h"

#include <openssl/ssl.h>

struct sessions;

/* Opens the store and reads the keys. The policy must outlive it, and it must outlive all SSL
 * objects. NULL with error. */
struct sessions *sessions_new(const struct config_tls *tls, const struct policy *policy,
                              struct tls_error *error);
void sessions_free(struct sessions *sessions); /* NULL is fine */

/* Sets a server's or client's context up, session-id context and all. False: no memory. */
bool sessions_use(struct sessions *sessions, SSL_CTX *ctx, bool server,
                  const uint8_t scope[SCOPE_SIZE]);

/* Before a handshake as client: offers a session of this peer if there is one, and keeps those that
 * it will give. PEER is the address that was dialed. Without memory nothing is offered. */
void sessions_offer(struct sessions *sessions, SSL *ssl, const char *peer);

/* After a handshake as client that failed: what was offered is not offered again. */
void sessions_forget(struct sessions *sessions, SSL *ssl);

/* After a handshake: sessions of TLS 1.3 may come to a client at any later time, but count from
 * now. Without memory they count from when they come. */
void sessions_begin(SSL *ssl);

/* Before SSL_free of a connection that TLS itself has not failed: OpenSSL would take its session
 * for a bad one where close_notify was not sent. */
void sessions_spare(SSL *ssl);

/* A problem that is worth a line in the log: once a minute at most. False: none. */
bool sessions_problem(struct sessions *sessions, char *text, size_t size);

#endif
