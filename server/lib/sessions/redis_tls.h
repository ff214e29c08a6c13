/* TLS to a Redis: its certificate is always verified, its name or address included. */
#ifndef ACTPASS_SERVER_SESSIONS_REDIS_TLS_H
#define ACTPASS_SERVER_SESSIONS_REDIS_TLS_H

#include "config/config.h"
#include "server/lib/sessions/store.h"

#include <openssl/ssl.h>
#include <sys/types.h>

struct redis_tls;

/* NULL with error: no CA, or one that cannot be used; no memory. */
struct redis_tls *redis_tls_new(const struct config_sessions *where, struct tls_error *error);
void redis_tls_free(struct redis_tls *tls); /* NULL is fine */

/* A client on a connected socket that does not block and stays the caller's. NULL: no memory. */
SSL *redis_tls_open(struct redis_tls *tls, int fd);

/* 1: the handshake is done. 0: wait for *EVENTS first. -1 with problem. */
int redis_tls_shake(SSL *ssl, short *events, struct tls_error *problem);

/* As send and recv; -1 with EAGAIN: wait for *EVENTS first. */
ssize_t redis_tls_send(SSL *ssl, const void *data, size_t size, short *events);
ssize_t redis_tls_recv(SSL *ssl, void *buffer, size_t size, short *events);

#endif
