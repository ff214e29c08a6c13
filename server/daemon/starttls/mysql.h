/* MySQL and MariaDB (the MariaDB knowledge base, "Clients & Utilities / Protocol"): the server
 * speaks first, and what it says, above all its salt, is needed for the login in TLS. So both sides
 * have to be there before TLS: the greeting is passed on, with TLS offered or not, and in TLS the
 * login's packets are numbered anew, since the request for TLS counts as one. Pure functions. */
#ifndef ACTPASS_SERVER_STARTTLS_MYSQL_H
#define ACTPASS_SERVER_STARTTLS_MYSQL_H

#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MYSQL_GREETING_MAX = 1024, /* the header of four bytes included */
    MYSQL_REQUEST_SIZE = 36,   /* of the request for TLS, and of the login's part that is in it */
    MYSQL_REFUSAL_MAX = 128
};

enum mysql_next { MYSQL_MORE, MYSQL_READY, MYSQL_WRONG };

/* Reads a server's greeting. MYSQL_READY: *USED is its size, and *OFFER the place of the byte that
 * mysql_set_tls sets. MYSQL_WRONG: WHY is a sentence about the server. */
enum mysql_next mysql_read_greeting(const unsigned char *bytes, size_t size, size_t *used,
                                    size_t *offer, struct error_text *why);

/* Does the byte say that there is TLS? And lets it say so, or not. */
bool mysql_has_tls(unsigned char byte);
unsigned char mysql_set_tls(unsigned char byte, bool tls);

/* Reads a client's answer to a greeting that offers TLS. MYSQL_READY: it is the request for TLS, of
 * MYSQL_REQUEST_SIZE bytes. */
enum mysql_next mysql_read_request(const unsigned char *bytes, size_t size, struct error_text *why);

/* What a client that begins without TLS is answered. Returns its size. */
size_t mysql_refuse(unsigned char answer[MYSQL_REFUSAL_MAX]);

/* Makes the request for TLS from the beginning of the login of a client that has no TLS, of which
 * SIZE bytes are there. */
enum mysql_next mysql_make_request(const unsigned char *login, size_t size,
                                   unsigned char request[MYSQL_REQUEST_SIZE],
                                   struct error_text *why);

/* One direction of a login. All zero but for the first two. */
struct mysql_flow {
    bool from_client;
    bool to_tls; /* what it is passed on to is TLS */
    size_t at;   /* in the packet, its header included */
    size_t size; /* of the packet */
    unsigned packets;
    unsigned char type; /* the first byte of what a server sends */
    bool done;          /* from a server: it has accepted or refused the login */
};

/* Changes what is to be passed on, in place. False: WHY is a sentence about the sender. */
bool mysql_pass(struct mysql_flow *flow, unsigned char *bytes, size_t size, struct error_text *why);

#endif
