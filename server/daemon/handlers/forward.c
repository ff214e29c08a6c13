/* Forward: connects the TLS side with a plain backend. Half-closes are passed on in both
 * directions; see duplex.h. */
#include "server/daemon/handlers/handler.h"

#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/duplex.h"

#include <stdio.h>
#include <unistd.h>

static void forward(struct handler_job *job)
{
    char name[200];
    int backend = backend_connect(job->conn, &job->what->forward, &job->problem);
    if (backend < 0)
        return;
    (void)snprintf(name, sizeof(name), "the backend %s", job->what->forward.text);
    (void)duplex_run(job->conn, backend, job->idle_timeout_ms, name);
    close(backend);
}

const struct handler forward_handler = {.name = "forward", .descriptors = 1, .run = forward};
