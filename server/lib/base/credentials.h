/* A user and a password from a file. Any thread. */
#ifndef ACTPASS_SERVER_BASE_CREDENTIALS_H
#define ACTPASS_SERVER_BASE_CREDENTIALS_H

#include "server/lib/base/secret.h"

enum { CREDENTIALS_PART_MAX = 255 }; /* bytes of each (RFC 1929) */

/* "user:password", without a NUL. The user has no colon. */
struct credentials {
    struct secret both; /* its size is 0: there are none */
    size_t user_size;
};

/* Reads "user:password" from the file NAME (secret_read), of one line. The caller erases them with
 * credentials_wipe. False with error, which contains nothing of the file. */
bool credentials_read(struct credentials *credentials, const char *name, struct error_text *error);
void credentials_wipe(struct credentials *credentials);

const char *credentials_password(const struct credentials *credentials, size_t *size);

#endif
