/* What the peer has offered or chosen in its first message: kept until the handshake is done, and
 * read only if that fails, to say what there was in common. A value belongs to one thread. */
#ifndef ACTPASS_SERVER_TLS_PEER_HELLO_H
#define ACTPASS_SERVER_TLS_PEER_HELLO_H

#include "server/lib/tls/name_list.h"

#include <openssl/ssl.h>
#include <stdint.h>

enum { PEER_HELLO_MAX = 4096 }; /* a longer hello is cut off */

struct peer_hello { /* all zero: none */
    uint8_t *bytes;
    size_t size;
};

/* Copies the ClientHello or ServerHello, with its header; the first one stays. Without memory it is
 * left out. */
void peer_hello_keep(struct peer_hello *hello, const uint8_t *message, size_t size);
void peer_hello_free(struct peer_hello *hello);

/* These add what a ClientHello offers: nothing of what is cut off, malformed or GREASE (RFC 8701).
 * Unknown numbers are written as 0x1234. Ciphers: those for this TLS version. */
void peer_hello_add_versions(const struct peer_hello *hello, struct name_list *list);
void peer_hello_add_ciphers(const struct peer_hello *hello, SSL *ssl, int version,
                            struct name_list *list);
void peer_hello_add_groups(const struct peer_hello *hello, SSL *ssl, struct name_list *list);
void peer_hello_add_protocols(const struct peer_hello *hello, struct name_list *list);   /* ALPN */
void peer_hello_add_server_name(const struct peer_hello *hello, struct name_list *list); /* SNI */

/* The version that a ServerHello of TLS 1.2 or older has chosen: "TLSv1.1"; "" if there is none. */
const char *peer_hello_chosen_version(const struct peer_hello *hello);

#endif
