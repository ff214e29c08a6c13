/* The spawner: a process that starts programs for the daemon, which its sandbox does not let do
 * that. It is forked before the daemon loads anything, so it holds no keys, and is not confined. It
 * reads the configuration by itself, at the start and at each reload, and runs nothing but what is
 * written there: the daemon only names a program, gives it a connection, and says who the peer is.
 * It ends when the daemon does, after the programs have. One thread. */
#ifndef ACTPASS_SERVER_SPAWNER_SPAWNER_H
#define ACTPASS_SERVER_SPAWNER_SPAWNER_H

#include <sys/types.h>

struct spawner {
    pid_t pid;
    int fd; /* the daemon's end of the socketpair (message.h); close-on-exec */
};

/* Forks it. FILE is the configuration's, as seen from the working directory. While no other thread
 * runs, and signals are blocked. Returns 0, or an errno. */
int spawner_fork(struct spawner *spawner, const char *file);

/* For a daemon that runs no programs: ends it, and waits for that. */
void spawner_dismiss(struct spawner *spawner);

#endif
