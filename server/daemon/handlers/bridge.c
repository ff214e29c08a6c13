#include "server/daemon/handlers/bridge.h"

#include "server/daemon/handlers/duplex.h"

#include <sys/socket.h>

static void set_cut(int plain, bool cut)
{
    struct linger linger = {.l_onoff = cut, .l_linger = 0};
    (void)setsockopt(plain, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void bridge_prepare(int plain)
{
    set_cut(plain, true);
}

void bridge_serve(struct service_job *job)
{
    if (duplex_run(job->conn, job->plain, job->idle_timeout_ms, "the local connection"))
        set_cut(job->plain, false);
}
