/* The keys that seal sessions and encrypt tickets: those of session_key_file, which the
 * administrator rotates on all hosts in the same way, or a random one made at start. Any thread. */
#ifndef ACTPASS_SERVER_SESSIONS_KEYRING_H
#define ACTPASS_SERVER_SESSIONS_KEYRING_H

#include "server/lib/base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYRING_KEY = 32, KEYRING_ID = 8, KEYRING_MAX = 16, TICKET_NAME = 16 };

/* The keys derived from one line of the file, one for each use (HKDF, RFC 5869). */
struct session_key {
    uint8_t id[KEYRING_ID]; /* of SHA-256 of the key */
    uint8_t seal[KEYRING_KEY];
    uint8_t ticket_name[TICKET_NAME];
    uint8_t ticket_cipher[KEYRING_KEY];
    uint8_t ticket_mac[KEYRING_KEY];
};

/* Immutable once made. The first key encrypts, all decrypt. */
struct key_set {
    atomic_uint references;
    size_t count;
    struct session_key keys[KEYRING_MAX];
};

struct keyring;

/* Reads a file: one key a line, 64 hex digits; empty lines and lines that begin with # are skipped.
 * Without a FILE (NULL): one random key. NULL with error. */
struct keyring *keyring_new(const char *file, struct error_text *error);
void keyring_free(struct keyring *keyring); /* may be NULL */

/* Reads the file again if it has changed; checks it at most once a second. False with error: it
 * cannot be used, and the previous keys stay in use. */
bool keyring_refresh(struct keyring *keyring, struct error_text *error);

/* Reads it again in any case. False as above. */
bool keyring_reload(struct keyring *keyring, struct error_text *error);

/* The current keys; the caller releases them. */
struct key_set *keyring_hold(struct keyring *keyring);
void key_set_release(struct key_set *keys);

#endif
