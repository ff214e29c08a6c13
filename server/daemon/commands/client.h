/* A request to the admin listener of a running actpass: HTTP/1.0, whose answer ends with the
 * connection. Blocks; any thread. */
#ifndef ACTPASS_SERVER_COMMANDS_CLIENT_H
#define ACTPASS_SERVER_COMMANDS_CLIENT_H

#include "config/config.h"
#include "config/error_text.h"

enum { CLIENT_TIMEOUT_MS = 5000 }; /* for all of a request */

/* GETs PATH. Returns the answer's body, which the caller frees, or NULL with one sentence in ERROR:
 * nobody answers there, the answer is no 200, or it is late or too long. */
char *client_get(const struct config_address *address, const char *path, struct error_text *error);

#endif
