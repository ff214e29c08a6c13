/* Forward: connects the TLS side with a plain backend. Half-closes are passed on in both
 * directions; see duplex.h. */
#include "server/daemon/handlers/handler.h"

#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/duplex.h"

#include <unistd.h>

static bool begin(struct handler_job *job)
{
    const struct config_address *address = &job->what->forward;
    int backend = backend_connect(job->conn, address, &job->problem);
    if (backend < 0)
        return false;
    if (duplex_begin(job, backend, "the backend ", address->text))
        return true;
    close(backend);
    return false;
}

static enum handler_next forward(struct handler_job *job)
{
    bool in_order;
    if (!job->state && !begin(job))
        return HANDLER_DONE;
    int backend = job->own.fd;
    enum handler_next next = duplex_step(job, &in_order);
    if (next == HANDLER_DONE)
        close(backend);
    return next;
}

const struct handler forward_handler = {.name = "forward", .descriptors = 1, .step = forward};
