/* What our modules keep with an SSL object, by one index of OpenSSL's ex_data (SSL_get_ex_data(3)).
 * The data of one SSL object belongs to one thread at a time, as the object does. */
#ifndef ACTPASS_SERVER_BASE_SSL_DATA_H
#define ACTPASS_SERVER_BASE_SSL_DATA_H

#include <openssl/ssl.h>
#include <stdbool.h>

enum ssl_part {
    SSL_PART_BINDING,     /* binding.c */
    SSL_PART_REFUSAL,     /* verify.c */
    SSL_PART_FIRST_PEER,  /* renegotiation.c */
    SSL_PART_SESSION_KEY, /* as_client.c */
    SSL_PART_KEY_LOG,     /* key_log.c */
    SSL_PART_SERVER_NAME, /* server_name.c */
    SSL_PARTS
};

/* Process-wide set-up, from any thread, before the first SSL object. False: no memory. */
bool ssl_data_prepare(void);

/* What was set last; NULL: nothing. */
void *ssl_data_get(const SSL *ssl, enum ssl_part part);

/* Takes DATA over, in place of what was set before. RELEASE is called once with it: when it is
 * replaced, or with SSL_free. NULL as RELEASE: it stays the caller's, and must outlive the SSL.
 * False: no memory; then DATA is released at once, and what was set before stays. */
bool ssl_data_set(SSL *ssl, enum ssl_part part, void *data, void (*release)(void *data));

#endif
