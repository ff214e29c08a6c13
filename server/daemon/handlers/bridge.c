#include "server/daemon/handlers/bridge.h"

#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"

#include <sys/socket.h>

static void set_reset(int plain, bool on)
{
    struct linger linger = {.l_onoff = on, .l_linger = 0};
    (void)setsockopt(plain, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void bridge_prepare(int plain)
{
    set_reset(plain, true);
}

static void bridge(struct handler_job *job)
{
    if (duplex_run(job->conn, job->plain, job->idle_timeout_ms, "the local connection"))
        set_reset(job->plain, false);
}

const struct handler bridge_handler = {.name = "listen_plain", .descriptors = 1, .run = bridge};
