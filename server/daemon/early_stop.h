/* SIGTERM and SIGINT while the program loads, before it serves: name servers, tokens and file
 * systems may take long, and who stops the program does not wait for them. A thread of its own,
 * which must be gone before the process confines itself. */
#ifndef ACTPASS_SERVER_EARLY_STOP_H
#define ACTPASS_SERVER_EARLY_STOP_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct early_stop {
    pthread_t thread;
    pid_t spawner; /* ends with the process, whatever it does */
    int signal_fd; /* readable from the first such signal on, which stays for signals_start */
    int end_fd;    /* written to: it is to end */
};

/* Begins, with the signals blocked (signals.h). A load that goes on for a second after the signal
 * ends with the process, whose exit status is 0 then. False with errno. */
bool early_stop_begin(struct early_stop *early, pid_t spawner);

/* Ends it. True: a stop was asked for meanwhile. */
bool early_stop_end(struct early_stop *early);

#endif
