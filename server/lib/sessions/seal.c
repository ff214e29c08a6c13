#include "server/lib/sessions/seal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum direction { DECRYPT = 0, ENCRYPT = 1 }; /* the last argument of EVP_CipherInit_ex */

/* Sets up the cipher, with the additional data to authenticate. */
static bool start(EVP_CIPHER_CTX *gcm, enum direction direction, const struct session_key *key,
                  const uint8_t *head, struct seal_purpose purpose)
{
    int size;
    return EVP_CipherInit_ex(gcm, EVP_aes_256_gcm(), NULL, key->seal, head + SEAL_HEAD,
                             (int)direction) == 1 &&
           EVP_CipherUpdate(gcm, NULL, &size, head, SEAL_HEAD) == 1 &&
           EVP_CipherUpdate(gcm, NULL, &size, purpose.data, (int)purpose.size) == 1;
}

size_t seal_data(const struct key_set *keys, struct seal_purpose purpose, const void *data,
                 size_t size, uint8_t *sealed)
{
    int out = 0, rest = 0;
    const struct session_key *key = &keys->keys[0];
    uint8_t *body = sealed + SEAL_HEAD + SEAL_NONCE;
    if (size > INT_MAX - SEAL_OVERHEAD || purpose.size > INT_MAX)
        return 0;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    sealed[0] = SEAL_VERSION;
    memcpy(sealed + 1, key->id, KEYRING_ID);
    bool done = gcm && RAND_bytes(sealed + SEAL_HEAD, SEAL_NONCE) == 1 &&
                start(gcm, ENCRYPT, key, sealed, purpose) &&
                EVP_EncryptUpdate(gcm, body, &out, data, (int)size) == 1 &&
                EVP_EncryptFinal_ex(gcm, body + out, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, body + size) == 1;
    EVP_CIPHER_CTX_free(gcm);
    return done ? size + SEAL_OVERHEAD : 0;
}

static const struct session_key *find_key(const struct key_set *keys, const uint8_t *id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].id, id, KEYRING_ID) == 0)
            return &keys->keys[i];
    return NULL;
}

bool seal_open(const struct key_set *keys, struct seal_purpose purpose, const uint8_t *sealed,
               size_t size, uint8_t *data)
{
    int out = 0, rest = 0;
    uint8_t tag[SEAL_TAG];
    if (size < SEAL_OVERHEAD || size > INT_MAX || purpose.size > INT_MAX ||
        sealed[0] != SEAL_VERSION)
        return false;
    const struct session_key *key = find_key(keys, sealed + 1);
    EVP_CIPHER_CTX *gcm = key ? EVP_CIPHER_CTX_new() : NULL;
    memcpy(tag, sealed + size - SEAL_TAG, SEAL_TAG);
    (void)ERR_set_mark(); /* a record that does not open is not an error of TLS */
    bool opened = gcm && start(gcm, DECRYPT, key, sealed, purpose) &&
                  EVP_DecryptUpdate(gcm, data, &out, sealed + SEAL_HEAD + SEAL_NONCE,
                                    (int)(size - SEAL_OVERHEAD)) == 1 &&
                  EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, tag) == 1 &&
                  EVP_DecryptFinal_ex(gcm, data + out, &rest) == 1;
    (void)ERR_pop_to_mark();
    EVP_CIPHER_CTX_free(gcm);
    return opened;
}
