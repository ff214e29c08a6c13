/* TLS to a Redis. Its certificate is always verified, including its name or address. One SSL object
 * belongs to one thread at a time; the rest to any. */
#ifndef ACTPASS_SERVER_REDIS_TLS_H
#define ACTPASS_SERVER_REDIS_TLS_H

#include "config/config.h"
#include "server/lib/base/error.h"
#include "server/lib/redis/words.h"

#include <openssl/ssl.h>
#include <sys/types.h>

struct redis_tls;

/* NULL with error: no CA, or one that cannot be used; no memory. */
struct redis_tls *redis_tls_new(const struct config_sessions *where,
                                const struct redis_words *words, struct error_text *error);
void redis_tls_free(struct redis_tls *tls); /* may be NULL */

/* A client on a connected, non-blocking socket, which stays the caller's. NULL: no memory. */
SSL *redis_tls_open(struct redis_tls *tls, int fd);

/* 1: the handshake is done. 0: wait for *EVENTS first. -1 with problem. */
int redis_tls_shake(SSL *ssl, const struct redis_words *words, short *events,
                    struct error_text *problem);

/* As send and recv; -1 with EAGAIN: wait for *EVENTS first. */
ssize_t redis_tls_send(SSL *ssl, const void *data, size_t size, short *events);
ssize_t redis_tls_recv(SSL *ssl, void *buffer, size_t size, short *events);

#endif
