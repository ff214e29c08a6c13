/* Reads a password or passphrase from a file. Any thread. */
#ifndef ACTPASS_SERVER_BASE_SECRET_H
#define ACTPASS_SERVER_BASE_SECRET_H

#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_MAX = 512 };

struct secret {
    char text[SECRET_MAX + 2];
    size_t size; /* 0: none */
};

/* NAME is a path, or "credential:ID" for the systemd credential ID (systemd.exec(5)). The file must
 * be regular and not accessible to others; one newline at its end is dropped. WHAT is the noun for
 * messages, such as "password". The caller erases the secret with secret_wipe. False with error,
 * which never contains the secret. */
bool secret_read(struct secret *secret, const char *name, const char *what,
                 struct error_text *error);
void secret_wipe(struct secret *secret);

#endif
