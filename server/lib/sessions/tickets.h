/* Session tickets: sessions that the client keeps, encrypted by us (RFC 5077 section 4, RFC 8446
 * section 4.6.1). Hosts with the same session_key_file open each other's. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_TICKETS_H
#define ACTPASS_SERVER_SESSIONS_TICKETS_H

#include "server/lib/sessions/keyring.h"

#include <openssl/evp.h>

/* The callback of SSL_CTX_set_tlsext_ticket_key_evp_cb: sets up AES-256-CBC and HMAC-SHA256 with
 * the key that a ticket names, or with the first key for a new ticket. 1: done; 2: done, and the
 * client needs a new ticket; 0: no such key; -1: OpenSSL failed. */
int tickets_keys(const struct key_set *keys, unsigned char name[TICKET_NAME], unsigned char *iv,
                 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt);

#endif
