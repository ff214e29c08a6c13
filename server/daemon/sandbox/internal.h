/* What the files of the sandbox share. */
#ifndef ACTPASS_SERVER_SANDBOX_INTERNAL_H
#define ACTPASS_SERVER_SANDBOX_INTERNAL_H

#include "server/daemon/sandbox/plan.h"
#include "server/daemon/sandbox/sandbox.h"

struct sandbox {
    struct plan plan; /* what is allowed */
    char *file;       /* of the configuration */
    bool on, seccomp; /* on: not switched off */
    int landlock;     /* its version; 0: none */
    struct error_text lacks;
};

#endif
