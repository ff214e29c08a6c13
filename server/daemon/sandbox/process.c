#include "server/daemon/sandbox/process.h"

#include <errno.h>
#include <sys/prctl.h>

int process_renounce(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

int process_hide(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}
