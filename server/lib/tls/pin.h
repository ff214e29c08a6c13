/* Pins: public keys that are known beforehand, by SHA-256 of the DER form of SubjectPublicKeyInfo
 * (RFC 7469 section 2.4). Pure functions; any thread. */
#ifndef ACTPASS_SERVER_TLS_PIN_H
#define ACTPASS_SERVER_TLS_PIN_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct pin {
    uint8_t digest[32];
};

/* Reads "sha256:" and 64 hex digits of either case. False: it is something else. */
bool pin_parse(const char *text, struct pin *pin);

/* The pin of a certificate's key. False: no memory. */
bool pin_of(const X509 *certificate, struct pin *pin);

bool pin_equal(const struct pin *one, const struct pin *other);

#endif
