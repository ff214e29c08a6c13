/* Signals, and what they ask for. Two threads: one takes the signals, and the other one loads what
 * a reload or a changed file brings, and attends to the control socket (server_attend). A load may
 * block, for example on a token or on a file of a network, and a stop does not wait for it. */
#ifndef ACTPASS_SERVER_SIGNALS_H
#define ACTPASS_SERVER_SIGNALS_H

#include "server/daemon/server.h"

#include <pthread.h>
#include <stdbool.h>

/* All members are signals.c's. */
struct signals {
    pthread_t taker, loader;
    int signal_fd, end_fd, reload_fd, done_fd;
    struct server *server;
};

/* Blocks the signals for the calling thread and those that it starts, so that none interrupts
 * anything, and keeps them until signals_start. False with errno. */
bool signals_block(struct signals *signals);

/* Starts the threads. Returns 0, or an errno. */
int signals_start(struct signals *signals, struct server *server);

/* Ends them. False: a load blocks since the stop, and goes on: the server is still in use. */
bool signals_end(struct signals *signals);

#endif
