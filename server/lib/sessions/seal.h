/* Records outside of this process are sealed: encrypted with AES-256-GCM and bound to their
 * purpose. Pure functions on bytes; any thread.
 *
 *   version 1 | key id 8 | nonce 12 | ciphertext | tag 16
 *
 * The tag also authenticates the version, the key id and the purpose. */
#ifndef ACTPASS_SERVER_SESSIONS_SEAL_H
#define ACTPASS_SERVER_SESSIONS_SEAL_H

#include "server/lib/sessions/keyring.h"

enum {
    SEAL_VERSION = 1,
    SEAL_NONCE = 12,
    SEAL_TAG = 16,
    SEAL_HEAD = 1 + KEYRING_ID,
    SEAL_OVERHEAD = SEAL_HEAD + SEAL_NONCE + SEAL_TAG
};

struct seal_purpose {
    const void *data;
    size_t size;
};

/* Seals with the first key, into SIZE + SEAL_OVERHEAD bytes. Returns their number; 0: OpenSSL
 * failed. */
size_t seal_data(const struct key_set *keys, struct seal_purpose purpose, const void *data,
                 size_t size, uint8_t *sealed);

/* Opens into SIZE - SEAL_OVERHEAD bytes. False: sealed for another purpose or with an unknown key,
 * or changed since. */
bool seal_open(const struct key_set *keys, struct seal_purpose purpose, const uint8_t *sealed,
               size_t size, uint8_t *data);

#endif
