/* Dials, and makes a connection of the socket. Usually the addresses race (dial/dial.h). With TCP
 * Fast Open the ClientHello travels in the SYN, so the handshake begins before there is a TCP
 * connection, and addresses are tried in turn: a race would put the ClientHello into several SYNs.
 * Through a proxy there is none. For one thread; another one may cancel. */
#ifndef ACTPASS_SERVER_LIB_CONN_DIAL_H
#define ACTPASS_SERVER_LIB_CONN_DIAL_H

#include "server/lib/conn.h"
#include "server/lib/dial/dial.h"
#include "server/lib/peers.h"

struct conn_dial {
    struct dial dial;
    const struct config_connection *settings; /* of the connection that is made */
    struct peers *unfit; /* addresses with which Fast Open does not work; see fast_open.h */
    /* Makes a connection of the socket, which it takes also on failure. With CONN_UNCONNECTED
     * in OPTIONS it completes the handshake, or fails it. Returns NULL, after reporting why, if
     * memory or threads are short: then no other address is tried. */
    actpass_conn *(*take)(void *arg, int fd, const struct candidate *to,
                          const struct conn_options *options);
    /* Frees the connection that `take` made last: its TCP connection did not come up. */
    void (*discard)(void *arg);
    void *arg;
};

/* Tries the addresses until there is a TCP connection, even if its handshake has failed, or no
 * address or no time is left. Reports each address that failed to plan->dial.observer. */
void conn_dial(const struct conn_dial *plan);

#endif
