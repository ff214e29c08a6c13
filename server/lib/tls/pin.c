/* Pins. */
#include "server/lib/tls/pin.h"

#include <openssl/evp.h>
#include <string.h>

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool pin_parse(const char *text, struct pin *pin)
{
    static const char prefix[] = "sha256:";
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *digits = text + sizeof(prefix) - 1;
    if (strlen(digits) != 2 * sizeof(pin->digest))
        return false;
    for (size_t i = 0; i < sizeof(pin->digest); i++) {
        int high = hex_digit(digits[2 * i]);
        int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        pin->digest[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool pin_of(const X509 *certificate, struct pin *pin)
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool done =
        size > 0 && EVP_Digest(der, (size_t)size, pin->digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done;
}

bool pin_equal(const struct pin *one, const struct pin *other)
{
    return memcmp(one->digest, other->digest, sizeof(one->digest)) == 0;
}
