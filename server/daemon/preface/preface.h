/* The preface of a connection: what is said on its socket in clear, before the role is decided and
 * TLS begins. It is a list of steps (steps.c), one after the other: the header of the PROXY
 * protocol, then a STARTTLS dialog. Most connections have none.
 *
 * A step does not wait. Its `run` does what can be done, says what it waits for, and returns; it is
 * called again when something of that has happened, perhaps on another thread. So a peer that is
 * silent holds no thread. Each step has a deadline of its own.
 *
 * A step takes from the socket the bytes that are its own, and no other: what comes behind them is
 * TLS. preface_peek and preface_take do that. A step behind which the peer must wait for an answer
 * (STARTTLS) fails if more bytes are there (preface_has_more).
 *
 * Threads: all functions are for the `run` of the connection's task. */
#ifndef ACTPASS_SERVER_PREFACE_H
#define ACTPASS_SERVER_PREFACE_H

#include "config/config.h"
#include "server/daemon/admin/snapshot.h"
#include "server/include/actpass.h"
#include "server/lib/base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { PREFACE_PEEK_MAX = 4096 }; /* no step leaves so many bytes in the socket, and waits */

enum preface_next {
    PREFACE_DONE,  /* the next step, or TLS */
    PREFACE_STEP,  /* preface_run: a step is over, and another one follows */
    PREFACE_WAITS, /* until preface->events on the socket, preface->own, or the deadline */
    PREFACE_FAILED /* after preface_fail: the connection ends */
};

/* The addresses of a connection that was accepted; AF_UNSPEC: not known. */
struct preface_addresses {
    struct sockaddr_storage from; /* what accept has said: the client, or a proxy */
    /* With `proxied`, whose connection it is, as the proxy has said. */
    struct sockaddr_storage client, destination;
    bool proxied;
    bool speaks_for_itself; /* the proxy, such as to check whether we are there */
};

/* One connection in its preface. */
struct preface {
    /* Constant for a step. */
    const struct config_service *config;
    int fd;      /* the socket, non-blocking */
    int plain;   /* of a bridge: the local connection, non-blocking; else -1 */
    bool dialed; /* we have dialed the peer */

    /* A step's, beside its state. */
    const char *alpn_wanted; /* the ALPN protocol that TLS must agree upon, since the peer has begun
                                TLS where another one would have asked for it; NULL: any, or none */
    int backend;             /* a plain backend that is connected already; -1: none */
    int64_t again_us;        /* out: when to run again at the latest; DEADLINE_NEVER at first */

    struct preface_addresses addresses; /* a step may change them */
    struct snapshot_preface shown;      /* the conversation's: for who looks on */

    /* The step's own. */
    void *state;       /* NULL at first; freed by the step's `release` */
    short events;      /* out, POLLIN before each call: POLLIN, POLLOUT, or both */
    struct pollfd own; /* a second descriptor to wait for, such as `plain`, edge-triggered: fd is -1
                          at first. To be -1 before that descriptor is closed */

    /* How it has failed. */
    actpass_end end;
    struct error_text why;
    bool in_order; /* what was sent, such as an error reply, reaches the peer; else it is reset */

    /* preface.c's. */
    const struct preface_step *step; /* NULL: not begun */
    int64_t deadline_us;
    bool heard;   /* the peer has sent something */
    bool lingers; /* it has failed, and waits for the peer to close */
};

/* One kind of step: constant, any thread. */
struct preface_step {
    const char *name; /* the key in the configuration, for error texts */
    bool (*wanted)(const struct preface *preface);
    int64_t (*timeout_ms)(const struct preface *preface); /* NULL: the handshake_timeout */
    enum preface_next (*run)(struct preface *preface);
    void (*release)(void *state); /* frees preface->state; accepts NULL. NULL: there is none */
};

/* The steps, each defined in its own file, in the order in which they are made. Ends with NULL. */
extern const struct preface_step *const preface_steps[];
extern const struct preface_step preface_mysql, preface_proxy, preface_starttls;

/* ---- For steps ------------------------------------------------------------------------------- */

/* Fails with one sentence in the manner of printf. */
enum preface_next preface_fail(struct preface *preface, actpass_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies up to SIZE bytes that have come and leaves them in the socket. Returns their number; 0 if
 * there are none now; -1 if the peer has ended, or the socket has failed, after preface_fail. */
ssize_t preface_peek(struct preface *preface, void *bytes, size_t size);

/* Takes SIZE bytes from the socket that preface_peek has shown. False after preface_fail. */
bool preface_take(struct preface *preface, size_t size);

/* Have more bytes come than were taken? Or the peer's end. */
bool preface_has_more(const struct preface *preface);

/* Has the peer ended behind these SIZE bytes, which have come and are not taken? They hide the end
 * from preface_peek, and nothing more would wake the step. Where more has come, that is an event of
 * its own. */
bool preface_has_ended(const struct preface *preface, size_t size);

/* Sends as much of the SIZE bytes as the socket takes. Returns their number, which may be 0; -1
 * after preface_fail. With less than SIZE, wait for POLLOUT. */
ssize_t preface_send(struct preface *preface, const void *bytes, size_t size);

/* ---- For the connection (conversation_preface.c) --------------------------------------------- */

/* Has a connection with these addresses any step? FROM: NULL if we have dialed. */
bool preface_is_wanted(const struct config_service *config, const struct sockaddr_storage *from);

/* Takes the descriptor over, also on failure. FROM: as above. NULL: out of memory. */
struct preface *preface_new(const struct config_service *config, int fd, int plain,
                            const struct sockaddr_storage *from);

/* Does what can be done now, of one step. PREFACE_STEP: call it again; what the step has changed
 * can be judged before. PREFACE_WAITS: for preface->events and own, until deadline_us.
 * PREFACE_DONE: also if the peer has ended before it sent anything, which TLS then reports. */
enum preface_next preface_run(struct preface *preface);

/* The step that it is in, by the key in the configuration; lives for ever. NULL: none has begun. */
const char *preface_step_name(const struct preface *preface);

/* Ends it from outside, such as at a stop. It fails then, at once. */
void preface_cancel(struct preface *preface, const char *why);

/* Takes the descriptor from it: the caller's to close. */
int preface_take_fd(struct preface *preface);

/* The same with the backend; -1: there is none. */
int preface_take_backend(struct preface *preface);

/* Closes the descriptors if nobody has taken them. Accepts NULL. */
void preface_free(struct preface *preface);

#endif
