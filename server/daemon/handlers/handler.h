/* A handler: what is done with a connection once its handshake is complete. Each has one entry in
 * table.c and one file (or folder) of its own.
 *
 * Life of what a handler keeps for a service: `load` makes it when the configuration is loaded,
 * every job of that service and role reads it as job->loaded, possibly on many threads at once, and
 * `unload` frees it when the server ends. */
#ifndef ACTPASS_SERVER_HANDLERS_HANDLER_H
#define ACTPASS_SERVER_HANDLERS_HANDLER_H

#include "config/config.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* One connection's work. */
struct handler_job {
    actpass_conn *conn;                /* the handshake is complete */
    const struct config_handler *what; /* the configuration of this role */
    const void *loaded;                /* what `load` made; NULL: nothing */
    int stopping_fd; /* readable once the server drains: a handler that only waits for the next
                        request then returns */
    int plain;       /* bridge: the local connection, which the caller closes; else -1 */
    int64_t idle_timeout_ms;   /* no data in either direction; CONFIG_NEVER: no limit */
    struct error_text problem; /* out: why the handler could not begin; else "" */
};

/* One entry of the table: constant, any thread. */
struct handler {
    const char *name;     /* the key in the configuration; in messages and tests */
    unsigned descriptors; /* what a connection needs beside its socket and its relay's eventfd */

    /* Checks and prepares what jobs need. Stores the result in *LOADED (NULL: nothing to keep).
     * False: one sentence in ERROR. NULL: there is nothing to load. */
    bool (*load)(const struct config_handler *what, void **loaded, struct error_text *error);
    void (*unload)(void *loaded); /* NULL exactly if load is NULL; accepts NULL */

    /* Serves the connection until it ends, on the conversation's thread. Does not close the TLS
     * side: the caller does. Leaves close reason and error text in job->conn (conn_fail), except
     * where it could not begin: then the text is in job->problem. */
    void (*run)(struct handler_job *job);
};

/* The handler of one kind. NULL for CONFIG_HANDLER_NONE. */
const struct handler *handler_of(enum config_handler_kind kind);

/* The handler of a service in one role: the bridge with "listen_plain", else that of WHAT. NULL:
 * the service has none, since it never takes that role. */
const struct handler *handler_for(const struct config_service *service,
                                  const struct config_handler *what);

/* The handlers, each defined in its own file; use the functions above. */
extern const struct handler bridge_handler, echo_handler, forward_handler, http_handler;

#endif
