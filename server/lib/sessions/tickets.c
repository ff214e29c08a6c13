#include "server/lib/sessions/tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

static bool use(const struct session_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac, bool encrypt)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->ticket_mac,
                                          sizeof(key->ticket_mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->ticket_cipher, iv, encrypt) ==
               1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static int find(const struct key_set *keys, const unsigned char *name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].ticket_name, name, TICKET_NAME) == 0)
            return (int)i;
    return -1;
}

int tickets_keys(const struct key_set *keys, unsigned char name[TICKET_NAME], unsigned char *iv,
                 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool encrypt)
{
    int number = encrypt ? 0 : find(keys, name);
    if (number < 0)
        return 0;
    const struct session_key *key = &keys->keys[number];
    if (encrypt && RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
        return -1;
    if (!use(key, iv, cipher, mac, encrypt))
        return -1;
    memcpy(name, key->ticket_name, TICKET_NAME);
    return number == 0 ? 1 : 2;
}
