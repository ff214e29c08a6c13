/* The server name (SNI, RFC 6066 section 3) that a client asks for. The functions of one SSL object
 * belong to one thread at a time. */
#ifndef ACTPASS_SERVER_TLS_SERVER_NAME_H
#define ACTPASS_SERVER_TLS_SERVER_NAME_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* As the ClientHello has it: not ended by NUL, not empty. */
struct server_name {
    const char *text;
    size_t size;
};

/* In OpenSSL's callback for each ClientHello. False: it has no name, or the extension has another
 * form, which OpenSSL reports. */
bool server_name_read(SSL *ssl, struct server_name *name);

/* In the same callback: keeps the name of the first ClientHello with the SSL. False: the second one
 * (after a HelloRetryRequest) has another name, or there is no memory; the handshake must fail with
 * *ALERT, and the error queue has the reason. */
bool server_name_keep(SSL *ssl, int *alert);

/* The name that was asked for: as server what was kept, also where a session is resumed, which
 * OpenSSL's SSL_get_servername does not tell; as client what we send. NULL: none. Lives as long as
 * the SSL. */
const char *server_name_of(const SSL *ssl);

/* Does TEXT, "name" or "*.name" for one label, stand for the name, without regard to ASCII case? */
bool server_name_equals(struct server_name name, const char *text);
bool server_name_is_below(struct server_name name, const char *text);

#endif
