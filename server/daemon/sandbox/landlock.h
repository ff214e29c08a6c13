/* Landlock: the kernel lets this thread, and those that it starts from then on, use only what was
 * planned. By system calls, since the C library has none for it. */
#ifndef ACTPASS_SERVER_SANDBOX_LANDLOCK_H
#define ACTPASS_SERVER_SANDBOX_LANDLOCK_H

#include "server/daemon/sandbox/plan.h"

/* From which version of the kernel's interface on it can limit that. */
enum { LANDLOCK_ABI_TRUNCATE = 3, LANDLOCK_ABI_CONNECT = 4, LANDLOCK_ABI_SCOPE = 6 };

/* The version of the kernel's interface, from 1 on; 0 with errno: it has none. */
int landlock_abi(void);

/* Restricts the thread for good to reading, writing and connecting as planned; nothing may be
 * executed. What is open already stays so. PR_SET_NO_NEW_PRIVS must be set. Returns 0, or an
 * errno. */
int landlock_restrict(const struct plan *plan, int abi);

#endif
