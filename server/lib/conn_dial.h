/* Opening a connection with the first flight in the SYN (TCP Fast Open): there the handshake begins
 * before there is a connection, and what comes of it decides whether the next address is tried. For
 * one thread; another one may cancel. */
#ifndef ACTPASS_SERVER_LIB_CONN_DIAL_H
#define ACTPASS_SERVER_LIB_CONN_DIAL_H

#include "server/lib/conn.h"
#include "server/lib/dial/dial.h"
#include "server/lib/peers.h"

struct conn_dial {
    struct dial dial;
    struct peers *unfit; /* addresses that do not get along with it */
    /* Makes a connection of the socket, which is taken also on failure, and shakes hands. NULL:
     * something was short, and that was told; no other address is tried. */
    actpass_conn *(*shake_hands)(void *arg, int fd, const struct candidate *to,
                                 const struct conn_options *options);
    /* Lets the last one's connection go, of which nothing came. */
    void (*discard)(void *arg);
    void *arg;
};

/* One address after the other, until there is a TCP connection, whatever came of the handshake, or
 * there are no more addresses, or no more time. Addresses that are unfit are connected to as ever.
 * The ear hears of those that failed. */
void conn_dial_in_turn(struct conn_dial *plan);

#endif
