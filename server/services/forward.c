#include "server/services/forward.h"

#include "server/services/backend.h"
#include "server/services/duplex.h"

#include <stdio.h>
#include <unistd.h>

void forward_serve(struct service_job *job)
{
    char name[200];
    int backend =
        backend_connect(job->conn, &job->what->forward, job->problem, sizeof(job->problem));
    if (backend < 0) {
        return;
    }
    (void)snprintf(name, sizeof(name), "the backend %s", job->what->forward.text);
    (void)duplex_run(job->conn, backend, job->idle_timeout_ms, name);
    close(backend);
}
