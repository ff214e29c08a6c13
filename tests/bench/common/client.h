/* The TLS client of the benchmark, for the load generator and the in-process part. It fixes
 * version, group and cipher suite, so that every server does the same cryptography. Whatever fails
 * ends the program. Safe from several threads on different SSL objects. */
#ifndef ACTPASS_BENCH_CLIENT_H
#define ACTPASS_BENCH_CLIENT_H

#include "protocol.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void fail(const char *what,
                    const char *why); /* WHY NULL: OpenSSL's or the system's reason */

/* TLS 1.3, X25519, TLS_AES_128_GCM_SHA256. The certificate's chain is not verified: that
 * would be the client's cost. */
SSL_CTX *client_context(void);

/* A TCP connection to 127.0.0.1 with TCP_NODELAY. */
int client_dial(uint16_t port, bool blocking);

/* An SSL object in the client's role on a descriptor. */
SSL *client_attach(SSL_CTX *context, int fd);

/* Dials and shakes hands; blocking. */
SSL *client_open(SSL_CTX *context, uint16_t port);

/* Blocking; all of it. */
void client_request(SSL *ssl, enum request what, uint64_t bytes);
void client_write(SSL *ssl, const void *data, size_t size);
void client_read(SSL *ssl, void *data, size_t size);

/* At least one byte; 0 at close_notify. */
size_t client_read_some(SSL *ssl, void *data, size_t size);

/* close_notify, then waits for the peer's end. */
void client_close(SSL *ssl);

#endif
