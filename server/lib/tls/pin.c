/* Pins. */
#include "server/lib/tls/pin.h"

#include <openssl/evp.h>
#include <string.h>

bool pin_of(const X509 *certificate, struct config_pin *pin)
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool done =
        size > 0 && EVP_Digest(der, (size_t)size, pin->digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done;
}

bool pin_equal(const struct config_pin *one, const struct config_pin *other)
{
    return memcmp(one->digest, other->digest, sizeof(one->digest)) == 0;
}
