/* "insecure_key_log": the secrets of connections, in a file that Wireshark reads (the NSS key log
 * format). Only the configuration switches it on; no variable of the environment does. */
#ifndef ACTPASS_SERVER_TLS_KEY_LOG_H
#define ACTPASS_SERVER_TLS_KEY_LOG_H

#include "server/lib/base/error.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct key_log;

/* Called once, with a sentence, when lines can no longer be written. Any thread. */
struct key_log_report {
    void (*call)(const char *text, void *arg); /* NULL: nobody is told */
    void *arg;
};

/* Opens the file if it is there: it must be a regular file of our own user that others cannot read.
 * If not, looks whether it can be made, and leaves that to key_log_open. The caller frees it with
 * key_log_free. NULL with error. */
struct key_log *key_log_new(const char *path, struct key_log_report report,
                            struct error_text *error);

/* Makes the file, readable for its owner only, unless it is open. The first key_log_attach does so,
 * too, and reports a failure. False with error. Any thread. */
bool key_log_open(struct key_log *log, struct error_text *error);

void key_log_free(struct key_log *log); /* may be NULL */

/* Appends the secrets of each SSL object of the context to the log that is attached to it. */
void key_log_use(SSL_CTX *ctx);

/* LOG must outlive the SSL object. False: no memory. */
bool key_log_attach(struct key_log *log, SSL *ssl);

#endif
