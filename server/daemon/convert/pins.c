#include "server/daemon/convert/pins.h"

#include "config/read_file.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIN_TEXT_MAX = 128, FILE_MAX = 1 << 22 };

/* False: the key cannot be read, or memory is short. */
static bool pin_of(const X509 *certificate, char text[PIN_TEXT_MAX])
{
    unsigned char *der = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool made = length > 0 && EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL);
    OPENSSL_free(der);
    int used = snprintf(text, PIN_TEXT_MAX, "sha256:");
    for (unsigned i = 0; made && i < size; i++)
        used += snprintf(text + used, PIN_TEXT_MAX - (size_t)used, "%02x", digest[i]);
    return made;
}

static size_t add_all(struct draft *draft, cJSON *object, const char *name, BIO *pem)
{
    size_t count = 0;
    char text[PIN_TEXT_MAX];
    X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    while (certificate) {
        if (pin_of(certificate, text)) {
            draft_item(draft, object, name, text);
            count++;
        }
        X509_free(certificate);
        certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    }
    ERR_clear_error(); /* the end of the file is an error, too */
    return count;
}

size_t pins_add(struct draft *draft, cJSON *object, const char *name, const char *path)
{
    char *text = draft->files == DRAFT_FILES ? malloc(FILE_MAX) : NULL;
    ssize_t length = text ? read_regular(path, text, FILE_MAX) : -1;
    BIO *pem = length > 0 ? BIO_new_mem_buf(text, (int)length) : NULL;
    size_t count = pem ? add_all(draft, object, name, pem) : 0;
    BIO_free(pem);
    free(text);
    return count;
}
