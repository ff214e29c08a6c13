/* Starts one program: a process of its own session and group, with nothing of the spawner's but its
 * standard descriptors. */
#ifndef ACTPASS_SERVER_SPAWNER_LAUNCH_H
#define ACTPASS_SERVER_SPAWNER_LAUNCH_H

#include "server/daemon/spawner/command_list.h"

#include <sys/types.h>

struct launched {
    pid_t pid;  /* the leader of its session and its group */
    int errors; /* to read its standard error from; -1: that goes elsewhere */
};

/* Starts it with CONNECTION, one end of a stream socketpair, as its standard input and output; with
 * "pty" a process that copies between this and the terminal is started, too. ENVIRONMENT ends with
 * NULL. CONNECTION stays the caller's. False with ERROR. */
bool launch(const struct command *command, char *const *environment, int connection,
            struct launched *launched, struct error_text *error);

#endif
