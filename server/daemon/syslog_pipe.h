/* Takes what is written to standard error to syslog(3), line by line: for a process whose standard
 * error is a connection. */
#ifndef ACTPASS_SERVER_SYSLOG_PIPE_H
#define ACTPASS_SERVER_SYSLOG_PIPE_H

#include <pthread.h>
#include <stdbool.h>

struct syslog_pipe {
    int fd; /* to read from; -1: not in use */
    pthread_t thread;
    bool running;
};

void syslog_pipe_init(struct syslog_pipe *syslog);

/* Puts a pipe in the place of standard error. Starts no thread: until there is one, 64 KiB wait. */
bool syslog_pipe_begin(struct syslog_pipe *syslog);

/* Starts the thread that reads, if it is in use. False: the system gives none. */
bool syslog_pipe_run(struct syslog_pipe *syslog);

/* Puts /dev/null there, and waits until all is written. Does nothing if it is not in use. */
void syslog_pipe_end(struct syslog_pipe *syslog);

#endif
