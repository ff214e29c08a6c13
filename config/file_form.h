/* What a file holds that should be PEM, as far as its first bytes show without OpenSSL. Any thread.
 */
#ifndef ACTPASS_CONFIG_FILE_FORM_H
#define ACTPASS_CONFIG_FILE_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct file_form {
    bool certificate, key; /* PEM blocks of these kinds are in it */
    bool request;          /* a PEM certificate request is in it, and no certificate */
    bool der;              /* it is a certificate, key or list in DER form */
    bool pkcs12;           /* it is a PKCS#12 file (.p12, .pfx) */
};

/* Looks at the first 64 KiB; of a longer file only "der" and "pkcs12" are known. Nothing is found
 * in a file that cannot be read, and in one that is no regular file, which is not even opened. */
struct file_form file_form_look(const char *path);

/* The same for bytes. */
struct file_form file_form_of(const unsigned char *bytes, size_t size);

#endif
