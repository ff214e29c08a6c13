/* The keys with which sessions are sealed and tickets made: those of session_key_file, which the
 * administrator rotates on all hosts alike, or one made at start. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_KEYRING_H
#define ACTPASS_SERVER_SESSIONS_KEYRING_H

#include "server/lib/base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYRING_KEY = 32, KEYRING_ID = 8, KEYRING_MAX = 16, TICKET_NAME = 16 };

/* What is made of one line of the file; each use has a key of its own (HKDF, RFC 5869). */
struct session_key {
    uint8_t id[KEYRING_ID]; /* of SHA-256 of the key */
    uint8_t seal[KEYRING_KEY];
    uint8_t ticket_name[TICKET_NAME];
    uint8_t ticket_cipher[KEYRING_KEY];
    uint8_t ticket_mac[KEYRING_KEY];
};

/* Never changed once made. The first key seals, all open. */
struct key_set {
    atomic_uint references;
    size_t count;
    struct session_key keys[KEYRING_MAX];
};

struct keyring;

/* Reads a file: one key a line, 64 hex digits; empty lines and lines that begin with # are skipped.
 * NULL as file: one random key. NULL with error. */
struct keyring *keyring_new(const char *file, struct tls_error *error);
void keyring_free(struct keyring *keyring); /* NULL is fine */

/* Reads the file again if it has changed; it is looked at once a second at most. False with error:
 * it cannot be used, and the keys from before stay. */
bool keyring_refresh(struct keyring *keyring, struct tls_error *error);

/* Reads it again in any case. */
bool keyring_reload(struct keyring *keyring, struct tls_error *error);

/* The keys as they are now, to be released. */
struct key_set *keyring_hold(struct keyring *keyring);
void key_set_release(struct key_set *keys);

#endif
