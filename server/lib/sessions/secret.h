/* Reads one secret from a file: a password. */
#ifndef ACTPASS_SERVER_SESSIONS_SECRET_H
#define ACTPASS_SERVER_SESSIONS_SECRET_H

#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 512 };

struct secret {
    char text[SECRET_MAX + 2];
    size_t size; /* 0: there is none */
};

/* NAME is a path, or "credential:ID" for the systemd credential ID (systemd.exec(5)). The file must
 * be regular and not open to others; one newline at its end is left out. False with error, which
 * never holds the secret. */
bool secret_read(struct secret *secret, const char *name, struct tls_error *error);
void secret_wipe(struct secret *secret);

#endif
