/* Forward: connects the TLS side with a plain backend. Half-closes are passed on in both
 * directions; see duplex.h. */
#include "server/daemon/handlers/handler.h"

#include "server/daemon/handlers/backend.h"
#include "server/daemon/handlers/backends.h"
#include "server/daemon/handlers/duplex.h"
#include "server/daemon/handlers/plain_talk.h"
#include "server/daemon/handlers/proxy_out.h"
#include "server/daemon/handlers/start.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What job->state belongs to. */
enum form { FORM_START, FORM_BACKEND, FORM_TALK, FORM_DUPLEX };

_Static_assert((int)START_EARLY_MAX + PROXY_HEADER_MAX <= (int)DUPLEX_EARLY_MAX, "both fit");

/* What the backend gets first: its header, and what the peer has sent already. Returns its size. */
static size_t take_early(struct handler_job *job, uint8_t first[DUPLEX_EARLY_MAX])
{
    size_t size = proxy_out_write(job, first);
    if (job->early)
        memcpy(first + size, job->early, job->early_size);
    size += job->early_size;
    free(job->early);
    job->early = NULL;
    job->early_size = 0;
    return size;
}

static enum handler_next end(struct handler_job *job, int backend)
{
    job->own.fd = -1;
    close(backend);
    backend_left(job);
    return HANDLER_DONE;
}

/* The backend is connected. Returns false if the handler has ended. */
static bool begin_to_move(struct handler_job *job, int backend)
{
    if (backend < 0)
        return false;
    uint8_t first[DUPLEX_EARLY_MAX];
    size_t size = take_early(job, first);
    const struct duplex_early early = {.in = first, .in_size = size};
    bool talks = plain_talk_is_wanted(job);
    job->form = talks ? FORM_TALK : FORM_DUPLEX;
    if (talks ? plain_talk_begin(job, backend, "the backend ", job->backend, first, size)
              : duplex_begin_with(job, backend, "the backend ", job->backend, &early)) {
        job->own.fd = backend;
        return true;
    }
    (void)end(job, backend);
    return false;
}

/* HANDLER_MORE: the duplex has begun. */
static enum handler_next talk(struct handler_job *job, int backend)
{
    static const struct duplex_early none = {.in_size = 0}; /* it is sent */
    enum plain_talk result = plain_talk_step(job);
    if (result == PLAIN_TALK_WAITS)
        return HANDLER_WAIT;
    if (result == PLAIN_TALK_FAILED ||
        !plain_talk_join(job, backend, "the backend ", job->backend, &none))
        return end(job, backend);
    job->form = FORM_DUPLEX;
    return HANDLER_MORE;
}

/* HANDLER_MORE: both sides may talk. */
static enum handler_next connect_backend(struct handler_job *job)
{
    int backend;
    if (job->form == FORM_START) {
        enum start_result start = start_step(job);
        if (start != START_READY)
            return start == START_WAITS ? HANDLER_WAIT : HANDLER_DONE;
        job->form = FORM_BACKEND;
    }
    backend = backend_take(job);
    if (backend < 0 && backend_step(job, &backend) == HANDLER_WAIT)
        return HANDLER_WAIT;
    return begin_to_move(job, backend) ? HANDLER_MORE : HANDLER_DONE;
}

static enum handler_next forward(struct handler_job *job)
{
    bool in_order;
    enum handler_next next = HANDLER_MORE;
    if (job->form == FORM_START || job->form == FORM_BACKEND)
        next = connect_backend(job);
    int backend = job->own.fd;
    if (next == HANDLER_MORE && job->form == FORM_TALK)
        next = talk(job, backend);
    if (next != HANDLER_MORE)
        return next;
    next = duplex_step(job, &in_order);
    return next == HANDLER_DONE ? end(job, backend) : next;
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

static void follow(void *loaded, void *before)
{
    backends_follow(loaded, before);
}

const struct handler forward_handler = {.name = "forward",
                                        .descriptors = 1,
                                        .load = load,
                                        .unload = unload,
                                        .follow = follow,
                                        .step = forward};
