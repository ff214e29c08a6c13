/* More ways to open connections, and what configurations of one program share. Part of actpass.h,
 * which includes this header.
 *
 * The option structs: all zero is the default of each member, and later versions add members at the
 * end. The library copies what it needs during the call. */
#ifndef ACTPASS_OPEN_H
#define ACTPASS_OPEN_H

#include "actpass_types.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- A socket of the caller's ---------------------------------------------------------------- */

/* What the caller knows of the socket. */
typedef enum {
    ACTPASS_SOCKET_UNKNOWN, /* its type is checked, and TCP_NODELAY is set */
    ACTPASS_SOCKET_PREPARED /* it is a stream socket, and a TCP socket has TCP_NODELAY, as it
                               inherits that from a listener: two system calls less */
} actpass_socket;

/* What is particular to one connection. */
typedef struct {
    actpass_socket socket;
    /* With the role ACTPASS_ROLE_AUTO: the role to take at once, because of what is known about the
     * peer. The peer is judged as ever. If the hint is CLIENT, and the peer's ClientHello is there
     * before ours is sent, we become server all the same (transport relay). AUTO: no hint. */
    actpass_role hint;
    /* With the role ACTPASS_ROLE_AUTO: the wait for the peer's first bytes, if that is shorter than
     * ACTPASS_INITIAL_DATA_TIMEOUT. 0: no limit but that. */
    int64_t max_wait_ms;
    /* The peer's address, as accept(2) has said it. NULL: the socket is asked for it. */
    const struct sockaddr *peer;
    socklen_t peer_size;
    /* The caller has dialed this address, in the form of actpass_connect: it is treated like a
     * connection of actpass_connect (client authentication, server name, sessions). NULL: the peer
     * has dialed. */
    const char *dialed;
} actpass_accept_options;

/* Like actpass_accept_fd, with options; SIZE is the size that the caller's header gives the struct.
 * Takes the descriptor over, also on failure. The connection blocks unless
 * actpass_config_set_nonblocking says otherwise, also with `dialed`. NULL: see
 * actpass_config_error; errno is EINVAL if an option is unfit, or the configuration cannot be used,
 * otherwise the system's reason: then a resource was short. */
ACTPASS_API actpass_conn *actpass_accept_sized(actpass_config *config, int fd,
                                               const actpass_accept_options *options, size_t size);

/* The same with the caller's own size, which is why it is compiled into the caller. */
static inline actpass_conn *actpass_accept_with(actpass_config *config, int fd,
                                                const actpass_accept_options *options)
{
    return actpass_accept_sized(config, fd, options, sizeof(*options));
}

/* ---- Dialing --------------------------------------------------------------------------------- */

typedef struct actpass_cancel actpass_cancel;

/* Makes what cancels calls that dial: any number of calls, one after the other or at once. The
 * caller frees it with actpass_cancel_free. It holds one descriptor. NULL: see errno. */
ACTPASS_API actpass_cancel *actpass_cancel_new(void);

/* Cancels the calls in progress and all later ones; cannot be undone. Any thread, but not a signal
 * handler. Does not wait for them to return. */
ACTPASS_API void actpass_cancel_now(actpass_cancel *cancel);

/* A descriptor that is readable once it is cancelled, for waits of the caller's own. To be used for
 * nothing but waiting; it lives as long as CANCEL. */
ACTPASS_API int actpass_cancel_fd(const actpass_cancel *cancel);

/* No call may be using it. Connections that were made do not use it any more. May be NULL. */
ACTPASS_API void actpass_cancel_free(actpass_cancel *cancel);

/* Like actpass_connect, but also returns NULL once CANCEL is cancelled: while a name is resolved,
 * while addresses are tried, and in the handshake of TCP Fast Open. If the connection is there
 * first, it is returned: actpass_abort cancels what comes later. CANCEL may be NULL. */
ACTPASS_API actpass_conn *actpass_connect_with(actpass_config *config, const char *address,
                                               actpass_cancel *cancel);

typedef struct {
    /* At least one, each as for actpass_connect. The first one is preferred: the others are tried
     * once all before have failed, or have had up to two seconds. */
    const char *const *addresses;
    size_t count;
    actpass_cancel *cancel; /* NULL: none */
    /* Called with ARG on the calling thread for each address, of those that a name stands for, too,
     * that has failed: WHY is one short sentence. NULL: none. */
    void (*failed)(const char *address, const char *why, void *arg);
    void *arg;
} actpass_connect_options;

/* Like actpass_connect_with, to the first of several addresses that answers. NULL: see
 * actpass_config_error; errno is EHOSTUNREACH if no address has answered (all were reported to
 * `failed`), ECANCELED if it was cancelled, EINVAL if the configuration or an address is unfit,
 * otherwise the system's reason: then a resource was short. */
ACTPASS_API actpass_conn *
actpass_connect_sized(actpass_config *config, const actpass_connect_options *options, size_t size);

static inline actpass_conn *actpass_connect_to(actpass_config *config,
                                               const actpass_connect_options *options)
{
    return actpass_connect_sized(config, options, sizeof(*options));
}

/* The address that was dialed for this connection, as it was given to us. NULL: the peer has
 * dialed. Lives as long as the connection. Any thread. */
ACTPASS_API const char *actpass_dialed_address(const actpass_conn *conn);

/* 1 if the transport has failed, for example by a reset, although data that came before may be left
 * to read; otherwise 0. For code that does not read now: actpass_ended says so only after the data
 * was read. Any thread. */
ACTPASS_API int actpass_is_broken(actpass_conn *conn);

/* ---- Several configurations ------------------------------------------------------------------ */

/* Takes another reference, which its owner gives back with actpass_config_free. Returns CONFIG. Any
 * thread. So a thread that replaces a configuration may drop the old one while others use it. */
ACTPASS_API actpass_config *actpass_config_hold(actpass_config *config);

/* Lets CONFIG share with WITH, and all that share with it already, what a program needs once: the
 * pool of relay threads, the list of addresses that do not work with TCP Fast Open, the warning
 * about OpenSSL (actpass_config_set_log), and above all the list of our own certificates. A peer
 * that shows one of them is refused by all, since it may be a connection of ours that somebody has
 * led back to us; without this call each configuration knows only its own ones. They stay on the
 * list as long as their configuration exists. WITH may be in use, and is not used itself. It may
 * be freed before CONFIG. 0, or -1: see actpass_config_error of CONFIG. */
ACTPASS_API int actpass_config_share(actpass_config *config, actpass_config *with);

#ifdef __cplusplus
}
#endif
#endif
