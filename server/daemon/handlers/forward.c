/* Forward: connects the TLS side with a plain backend. Half-closes are passed on in both
 * directions; see duplex.h. */
#include "server/daemon/handlers/handler.h"

#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/backends.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/start.h"

#include <stdlib.h>
#include <unistd.h>

/* What job->state belongs to. */
enum form { FORM_START, FORM_BACKEND, FORM_DUPLEX };

/* Returns false if the handler has ended. */
static bool begin_to_move(struct handler_job *job, int backend)
{
    if (backend < 0)
        return false;
    job->form = FORM_DUPLEX;
    const struct duplex_early early = {.in = job->early, .in_size = job->early_size};
    bool begun = duplex_begin_with(job, backend, "the backend ", job->backend, &early);
    free(job->early);
    job->early = NULL;
    if (begun)
        return true;
    close(backend);
    backend_left(job);
    return false;
}

static enum handler_next forward(struct handler_job *job)
{
    bool in_order;
    int backend = job->own.fd;
    if (job->form == FORM_START) {
        enum start_result start = start_step(job);
        if (start != START_READY)
            return start == START_WAITS ? HANDLER_WAIT : HANDLER_DONE;
        job->form = FORM_BACKEND;
    }
    if (job->form == FORM_BACKEND) {
        if (backend_step(job, &backend) == HANDLER_WAIT)
            return HANDLER_WAIT;
        if (!begin_to_move(job, backend))
            return HANDLER_DONE;
    }
    enum handler_next next = duplex_step(job, &in_order);
    if (next == HANDLER_DONE) {
        close(backend);
        backend_left(job);
    }
    return next;
}

static bool load(const struct config_handler *what, void **loaded, struct error_text *error)
{
    *loaded = backends_new(&what->forward, error);
    return *loaded;
}

static void unload(void *loaded)
{
    backends_free(loaded);
}

const struct handler forward_handler = {
    .name = "forward", .descriptors = 1, .load = load, .unload = unload, .step = forward};
