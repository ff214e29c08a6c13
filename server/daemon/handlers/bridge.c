#include "server/daemon/handlers/bridge.h"

#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/handler.h"

#include <sys/socket.h>
#include <unistd.h>

static const struct linger reset_at_close = {.l_onoff = 1, .l_linger = 0};
static const struct linger close_in_order = {.l_onoff = 0};

static void set_linger(int plain, const struct linger *linger)
{
    (void)setsockopt(plain, SOL_SOCKET, SO_LINGER, linger, sizeof(*linger));
}

void bridge_prepare(int plain)
{
    set_linger(plain, &reset_at_close);
}

void bridge_close(int plain, bool in_order)
{
    if (in_order)
        set_linger(plain, &close_in_order);
    close(plain);
}

static enum handler_next bridge(struct handler_job *job)
{
    bool in_order = false;
    if (!job->state && !duplex_begin(job, job->plain, "the local connection", ""))
        return HANDLER_DONE;
    enum handler_next next = duplex_step(job, &in_order);
    if (next == HANDLER_DONE && in_order)
        set_linger(job->plain, &close_in_order);
    return next;
}

const struct handler bridge_handler = {.name = "listen_plain", .descriptors = 1, .step = bridge};
