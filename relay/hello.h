/* Classifies a peer's first bytes. Pure functions; any thread. */
#ifndef ACTPASS_RELAY_HELLO_H
#define ACTPASS_RELAY_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum hello {
    HELLO_PARTIAL, /* a valid beginning of one of the others: more bytes decide */
    HELLO_CLIENT,  /* a complete ClientHello message, in any number of records; SSLv2 format, too */
    HELLO_PEER_ANSWERS_AS_SERVER, /* ServerHello or HelloRequest */
    HELLO_ALERT,
    HELLO_OTHER_RECORD, /* a TLS record with which no TLS client begins; a TLS server answers it
                           with an alert */
    HELLO_NOT_TLS
};

/* Max. bytes that are kept. With so many, the bytes count as a ClientHello, and OpenSSL judges it.
 */
#define HELLO_MAX 20480

/* Classifies all bytes that came so far (RFC 8446 section 5.1, RFC 5246 section 6.2.1 and appendix
 * E.2). */
enum hello hello_classify(const uint8_t *bytes, size_t length);

enum { HELLO_DIGEST = 32 };

/* Computes the SHA-256 of the ClientHello message at the start of the bytes, without the record
 * headers. Returns the size of its records in bytes, or 0 if the bytes begin with no complete
 * ClientHello that ends with a record. */
size_t hello_digest(const uint8_t *bytes, size_t length, uint8_t digest[HELLO_DIGEST]);

#endif
