/* The process that serves, from its first step to its exit status. */
#ifndef ACTPASS_SERVER_RUN_H
#define ACTPASS_SERVER_RUN_H

#include "server/daemon/inetd.h"
#include "server/daemon/successor.h"

enum {
    EXIT_USAGE = 2, /* or a bad configuration */
    EXIT_CUT = 3    /* connections were still open at the end */
};

/* What is run. */
struct run {
    const char *file;
    struct successor *successor; /* takes the place of a running actpass; NULL: there is none */
    struct inetd *inetd;         /* serves one connection; NULL: it listens */
};

/* Returns the exit status. */
int run_process(const struct run *what);

/* Each connection takes up to two descriptors (capacity.h). If the limit cannot be raised,
 * services get fewer connections. */
void run_raise_descriptor_limit(void);

#endif
