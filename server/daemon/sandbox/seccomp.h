/* seccomp: the kernel refuses system calls that the program does not need. */
#ifndef ACTPASS_SERVER_SANDBOX_SECCOMP_H
#define ACTPASS_SERVER_SANDBOX_SECCOMP_H

#include "server/daemon/sandbox/plan.h"

/* Restricts the whole process for good. A call that is not allowed fails with EPERM (clone3: with
 * ENOSYS, so that the C library takes clone), and the kernel's audit log has a line about it.
 * Returns 0, or an errno. */
int seccomp_restrict(const struct plan *plan);

#endif
