#include "server/daemon/handlers/backend.h"

#include "relay/clock.h"
#include "server/daemon/handlers/backends.h"
#include "server/daemon/handlers/dialed.h"
#include "server/lib/dial/race.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 10000 };

/* One dial: job->state while it takes longer than one step. */
struct backend {
    struct backends_turn turn;
    struct dial dial;
    struct race race;
    struct sockaddr_storage client; /* the peer's address */
    struct error_text reason;       /* the last failure */
};

bool backend_is_unwanted(actpass_conn *conn)
{
    struct pollfd tls;
    (void)actpass_prepare_wait(conn, &tls);
    if (actpass_ended(conn) != ACTPASS_OPEN || actpass_is_broken(conn))
        return true;
    tls.events = 0; /* a failure is reported without being asked for */
    return poll(&tls, 1, 0) > 0;
}

static void tell(struct handler_job *job, const char *why)
{
    const struct config_backends *backends = &job->what->forward;
    if (backends->count == 1)
        (void)error_set(&job->problem,
                        "cannot connect to the backend %s: %s; is it running, and reachable?",
                        backends->items[0].text, why);
    else
        (void)error_set(&job->problem,
                        "cannot connect to any of the %zu backends, the last failure: %s; are they "
                        "running, and reachable?",
                        backends->count, why);
}

static struct backend *begin(struct handler_job *job)
{
    struct backend *backend = calloc(1, sizeof(*backend));
    if (!backend) {
        tell(job, strerror(ENOMEM));
        return NULL;
    }
    if (job->what->forward.count == 1)
        job->backend = job->what->forward.items[0].text;
    backends_begin(job->loaded, &backend->turn, clock_now_us());
    backend->dial =
        (struct dial){.addresses = backend->turn.order,
                      .count = backend->turn.count,
                      .deadline_us = clock_deadline_ms(CONNECT_MS),
                      .limit_name = "10 seconds",
                      .wait = {.cancel_fd = -1},
                      .observer = {.failed = dialed_keep_reason, .arg = &backend->reason}};
    dialed_set_source(&backend->dial, &job->what->forward.source, job->conn, &backend->client);
    race_begin(&backend->race, &backend->dial);
    job->state = backend;
    return backend;
}

static void won(struct handler_job *job, const struct candidate *winner)
{
    const struct backend *backend = job->state;
    size_t place = (size_t)(winner->of - backend->turn.order);
    size_t down;
    job->number = (unsigned)backends_won(job->loaded, &backend->turn, place, clock_now_us(), &down);
    job->backend = job->what->forward.items[job->number].text;
    dialed_note_address(job, winner, winner->of->text);
    if (down < job->what->forward.count)
        (void)error_set(&job->problem, "the backend %s is left out for a while: %s",
                        job->what->forward.items[down].text,
                        backend->reason.text[0] != '\0' ? backend->reason.text
                                                        : "it has not answered in time");
}

static enum handler_next end(struct handler_job *job)
{
    struct backend *backend = job->state;
    job->own = (struct pollfd){.fd = -1};
    job->state = NULL;
    job->deadline_us = DEADLINE_NEVER;
    race_end(&backend->race, 0);
    free(backend);
    return HANDLER_DONE;
}

static enum handler_next give_up(struct handler_job *job)
{
    const struct backend *backend = job->state;
    backends_gave_up(job->loaded, &backend->turn);
    tell(job, strerror(ECANCELED));
    return end(job);
}

enum handler_next backend_step(struct handler_job *job, int *fd)
{
    struct candidate winner;
    bool begins = !job->state;
    struct backend *backend = begins ? begin(job) : job->state;
    *fd = -1;
    if (!backend)
        return HANDLER_DONE;
    if (!begins && backend_is_unwanted(job->conn))
        return give_up(job);
    switch (race_step(&backend->race, &winner, fd)) {
    case RACE_WAITS:
        job->deadline_us = race_wait(&backend->race, &job->own);
        return HANDLER_WAIT;
    case RACE_WON:
        won(job, &winner);
        break;
    case RACE_FAILED:
        backends_lost(job->loaded, &backend->turn, clock_now_us());
        tell(job, backend->reason.text);
    }
    return end(job);
}

int backend_take(struct handler_job *job)
{
    struct backends_turn turn;
    size_t down;
    int fd = job->connected ? *job->connected : -1;
    if (fd < 0)
        return -1;
    *job->connected = -1;
    backends_begin(job->loaded, &turn, clock_now_us());
    job->number = (unsigned)backends_won(job->loaded, &turn, 0, clock_now_us(), &down);
    job->backend = job->what->forward.items[job->number].text;
    return fd;
}

void backend_left(struct handler_job *job)
{
    backends_left(job->loaded, job->number);
}
