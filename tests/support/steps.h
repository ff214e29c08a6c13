/* Drives a handler on one thread, as the daemon does with many: for tests of handlers. */
#ifndef ACTPASS_TESTS_SUPPORT_STEPS_H
#define ACTPASS_TESTS_SUPPORT_STEPS_H

#include "server/daemon/handlers/handler.h"

/* How it waits. With EDGE, as in the daemon, a handler that leaves something unread hears no more
 * of it; with LEVEL, a handler that waits for what it does not use spins. */
enum steps_wait { STEPS_LEVEL, STEPS_EDGE };

/* Makes the connection, whose handshake is complete, non-blocking, calls step until the handler is
 * done, and makes it blocking again. A system call that fails ends the program. Returns the number
 * of steps. */
unsigned long steps_run(const struct handler *handler, struct handler_job *job,
                        enum steps_wait wait);

/* Makes a job for steps_run or for single steps; the rest is the caller's. */
struct handler_job steps_job(actpass_conn *conn);

#endif
