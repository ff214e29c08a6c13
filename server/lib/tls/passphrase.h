/* The passphrase of an encrypted key, or the PIN of a token. Never asks on the terminal. Any
 * thread. */
#ifndef ACTPASS_SERVER_TLS_PASSPHRASE_H
#define ACTPASS_SERVER_TLS_PASSPHRASE_H

#include "server/lib/base/error.h"

#include <openssl/pem.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the passphrase of an encrypted key comes from: a file, or the user's callback, which writes
 * it to BUFFER, without a NUL, and returns its length, or -1: there is none. */
struct pem_passphrase {
    int (*call)(const char *name, char *buffer, size_t size, void *arg); /* NULL: none */
    void *arg;
    const char *file; /* as in secret_read; then CALL is not asked; NULL: none */
};

/* OpenSSL may ask for each of its decoders; the user is asked once. Begins with the first three
 * members set, and ends with passphrase_forget. */
struct passphrase {
    const struct pem_passphrase *source;
    const char *key;         /* its name, for the callback */
    struct error_text shown; /* its name, for messages */
    bool asked;
    int size; /* negative: there is none */
    char text[PEM_BUFSIZE];
    struct error_text problem; /* with the file */
};

/* OpenSSL's pem_password_cb; ARG is a struct passphrase. */
int passphrase_give(char *buffer, int size, int writing, void *arg);
void passphrase_forget(struct passphrase *passphrase);

/* Was one asked for, and there was none? Then ERROR says so, with REMEDY where nobody was to be
 * asked. */
bool passphrase_was_missing(const struct passphrase *passphrase, const char *remedy,
                            struct error_text *error);

/* For a key that cannot be read though there was a passphrase. */
void passphrase_report_wrong(const struct passphrase *passphrase, struct error_text *error);

#endif
