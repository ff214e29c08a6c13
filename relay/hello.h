/* What a peer's first bytes are. Pure functions on bytes; entered by any thread. */
#ifndef ACTPASS_RELAY_HELLO_H
#define ACTPASS_RELAY_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum hello {
    HELLO_PARTIAL, /* a proper beginning of one of the others: more bytes decide */
    HELLO_CLIENT,  /* a whole ClientHello message, over however many records; SSLv2 format too */
    HELLO_PEER_ANSWERS_AS_SERVER, /* ServerHello or HelloRequest */
    HELLO_ALERT,
    HELLO_OTHER_RECORD, /* a TLS record that no TLS client begins with: a TLS server has an alert
                           for it */
    HELLO_NOT_TLS
};

/* The most bytes that are kept before a ClientHello is taken for granted: OpenSSL judges the rest.
 */
#define HELLO_MAX 20480

/* Classifies all bytes that came so far (RFC 8446 section 5.1, RFC 5246 section 6.2.1 and appendix
 * E.2). */
enum hello hello_classify(const uint8_t *bytes, size_t length);

enum { HELLO_DIGEST = 32 };

/* SHA-256 of the ClientHello message at the start of the bytes, record headers stripped. Returns
 * how many bytes its records take, or 0 where there is no whole ClientHello that ends with a
 * record. */
size_t hello_digest(const uint8_t *bytes, size_t length, uint8_t digest[HELLO_DIGEST]);

#endif
