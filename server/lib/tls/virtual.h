/* The contexts of a TLS server that are chosen by the server name that a client asks for. Constant
 * once in use; then any thread. */
#ifndef ACTPASS_SERVER_TLS_VIRTUAL_H
#define ACTPASS_SERVER_TLS_VIRTUAL_H

#include "config/config.h"

struct tls_context;

struct virtual_context {
    struct config_strings names; /* "name", or "*.name" for one label */
    struct tls_context *context; /* its own to free: the owner of the list */
};

struct virtuals { /* all zero: none */
    struct virtual_context *items;
    size_t count;
};

/* Adds a context, which the list takes, with copies of the names. False: out of memory, and nothing
 * was added. */
bool virtuals_add(struct virtuals *virtuals, const struct config_strings *names,
                  struct tls_context *context);

/* The context for the name TEXT, which may be NULL: an equal name has precedence over a wildcard.
 * NULL: there is none. */
struct tls_context *virtuals_find(const struct virtuals *virtuals, const char *text);

void virtuals_free(struct virtuals *virtuals); /* the list, not the contexts */

#endif
