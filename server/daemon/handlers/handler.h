/* A handler: what is done with a connection once its handshake is complete. Each has one entry in
 * table.c and one file (or folder) of its own.
 *
 * A handler does not wait. Its `step` moves what can be moved, says what it waits for, and returns;
 * it is called again when something of that has happened, perhaps on another thread. So a
 * connection that waits costs no thread, and nothing of a handler's may live on the stack across a
 * wait: it lives in job->state.
 *
 * Life of what a handler keeps for a service: `load` makes it when the configuration is loaded,
 * every job of that service and role, or route, uses it as job->loaded, possibly on many threads at
 * once, and `unload` frees it after the last of them. */
#ifndef ACTPASS_SERVER_HANDLERS_HANDLER_H
#define ACTPASS_SERVER_HANDLERS_HANDLER_H

#include "config/config.h"
#include "server/daemon/starttls/protocol.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* The result of a step. */
enum handler_next {
    HANDLER_WAIT, /* until the connection or job->own has something, or job->deadline_us */
    HANDLER_MORE, /* call again, after other connections had their turn */
    HANDLER_DONE  /* the handler has ended, and has freed job->state */
};

/* One connection's work. */
struct handler_job {
    /* Constant. */
    actpass_conn *conn;                /* non-blocking; the handshake is complete */
    const struct config_handler *what; /* the configuration of this role */
    void *loaded;                      /* what `load` made; NULL: nothing */
    int plain;                         /* bridge: the local connection, which the caller closes;
                                          else -1 */
    struct conversation *conversation; /* whose job it is: for handlers in fleet/ */
    int64_t idle_timeout_ms;           /* no data in either direction; CONFIG_NEVER: no limit */
    const struct sockaddr_storage *destination; /* where the client has connected, if a proxy has
                                                   said it; NULL: to the socket's own address */
    enum config_start start;                    /* when forward connects its backend */
    int64_t start_timeout_ms;                   /* for a PROXY header that has begun */
    const struct starttls_protocol *plain_talk; /* what is said on the plain side first, after
                                                   STARTTLS (plain_talk.h), within
                                                   start_timeout_ms; NULL: nothing */
    bool mysql_login; /* instead, MySQL's login is passed on first (mysql_login.h) */
    int *connected;   /* a backend that is connected already: who takes it stores -1 there, as
                         there is if there is none. NULL: the same */

    /* Set before each step. */
    bool stopping;  /* the server drains: a handler that only waits for the next request ends */
    bool leave;     /* nobody uses the connection: the handler ends in order, unless it
                       finds something to do */
    bool rechecked; /* its peer was judged again by newer settings; the handler may clear it */
    bool idle; /* nothing has happened for a second: the handler frees what it can make again */
    bool peer_quiet; /* the peer has sent nothing since the last step: if that has ended with a read
                        that returned ACTPASS_AGAIN, another one would, too */

    /* The handler's own. */
    void *state;         /* NULL at first */
    void *outer;         /* the same, for a handler whose state is the duplex's */
    unsigned form;       /* 0 at first; for a handler whose state has several forms */
    unsigned number;     /* 0 at first; for a handler that has chosen one of several */
    struct pollfd own;   /* a descriptor of its own to wait for, edge-triggered: fd is -1 at first,
                            events are POLLIN, POLLPRI, POLLOUT, POLLRDHUP; revents is what has come
                            since the last step. To be -1 before that descriptor is closed */
    int64_t deadline_us; /* when to call again at the latest; DEADLINE_NEVER at first */
    bool used;           /* out: the peer has sent data */
    void *early;         /* forward's, allocated: data that came before the backend */
    size_t early_size;
    const char *backend;   /* out, lives as long as WHAT, or is TARGET: for the log, which backend;
                              NULL: none */
    char *backend_address; /* out, allocated: for the log, which address of a backend's name was
                              connected; NULL: none */
    char *target; /* out, allocated: where the peer of a proxy has asked for, for BACKEND; NULL:
                     none */
    struct error_text problem; /* out, "" before each step: why the handler could not begin, or what
                                  is wrong though it goes on; is logged */
};

/* One entry of the table: constant, any thread. */
struct handler {
    const char *name;     /* the key in the configuration; in messages and tests */
    unsigned descriptors; /* what a connection needs beside its socket */

    /* Checks and prepares what jobs need. Stores the result in *LOADED (NULL: nothing to keep).
     * False: one sentence in ERROR. NULL: there is nothing to load. */
    bool (*load)(const struct config_handler *what, void **loaded, struct error_text *error);
    void (*unload)(void *loaded); /* NULL exactly if load is NULL; accepts NULL */

    /* After a reload: takes over what is worth knowing of what `load` has made of the same place
     * before, which others may still use. Before the first job. NULL: there is nothing. */
    void (*follow)(void *loaded, void *before);

    /* Serves the connection until it returns HANDLER_DONE; it is called until then, also after an
     * abort. Each call leaves the connection non-blocking. Does not close the TLS side: the caller
     * does. Leaves close reason and error text in job->conn (actpass_fail), except where it could
     * not begin: then the text is in job->problem. What may block the thread is bracketed by
     * crew_block and crew_unblock. */
    enum handler_next (*step)(struct handler_job *job);
};

/* The handler of one kind. NULL for CONFIG_HANDLER_NONE. */
const struct handler *handler_of(enum config_handler_kind kind);

/* The handler of a service in one role: that of "share", the bridge with "listen_plain", or what
 * stands for the task of a gate there (fleet/plain.c), else that of WHAT. NULL: the service has
 * none, since it never takes that role. */
const struct handler *handler_for(const struct config_service *service,
                                  const struct config_handler *what);

/* The handlers, each defined in its own file; use the functions above. */
extern const struct handler bridge_handler, echo_handler, exec_handler, forward_handler,
    http_handler, offer_handler, proxy_handler, reach_handler, plain_gate_handler, refuse_handler,
    share_handler;

#endif
