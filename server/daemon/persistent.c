#include "server/daemon/persistent.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/backoff.h"
#include "server/daemon/dial_service.h"
#include "server/daemon/report.h"

#include <errno.h>
#include <stdlib.h>

/* In the registry, so that stopping waits for it. Belongs to its task once that is started, which
 * also runs each of its conversations. */
struct persistent {
    struct registry_entry entry;
    struct server *server;
    struct task *task;
    struct conversation *conversation; /* NULL: none now */
    struct backoff backoff;
    int64_t dial_us; /* without a conversation: when to dial next */

    pthread_mutex_t lock;
    struct service *service; /* guarded by lock; of the next conversation */
};

static bool is_stopped(const struct persistent *persistent)
{
    return atomic_load(&persistent->server->stopping) ||
           registry_service_is_retired(persistent->entry.service);
}

/* The caller releases it. */
static struct service *hold_service(struct persistent *persistent)
{
    lock_take(&persistent->lock);
    struct service *service = service_hold(persistent->service);
    lock_release(&persistent->lock);
    return service;
}

static void free_persistent(struct persistent *persistent)
{
    service_release(persistent->service);
    (void)pthread_mutex_destroy(&persistent->lock);
    free(persistent);
}

/* ---- The task ------------------------------------------------------------------------------ */

static void report_wait(struct persistent *persistent, int64_t wait_ms)
{
    struct service *service = hold_service(persistent);
    struct report report = {.log = persistent->server->log, .service = service->config->name};
    report_retry(&report, wait_ms);
    service_release(service);
}

/* After a connection that lasted longer than the max wait, the waits are short again. */
static void wait_for_next(struct persistent *persistent, int64_t lived_ms)
{
    if (lived_ms >= persistent->backoff.max_ms)
        backoff_reset(&persistent->backoff);
    if (is_stopped(persistent))
        return;
    int64_t wait_ms = backoff_next_ms(&persistent->backoff);
    persistent->dial_us = clock_deadline_ms(wait_ms);
    report_wait(persistent, wait_ms);
}

static void begin(struct persistent *persistent, struct task *task)
{
    struct service *service = hold_service(persistent);
    persistent->conversation = conversation_new(persistent->server, service, -1);
    service_release(service);
    if (persistent->conversation)
        conversation_set_task(persistent->conversation, task);
    else
        wait_for_next(persistent, -1);
}

/* The task goes on without the descriptors that it has watched: they are closed. */
static void end(struct persistent *persistent, struct task *task)
{
    int64_t lived_ms = conversation_lived_ms(persistent->conversation);
    conversation_free(persistent->conversation);
    persistent->conversation = NULL;
    for (int place = 0; place < TASK_PLACES; place++)
        task_forget(task, place);
    wait_for_next(persistent, lived_ms);
}

static enum task_next keep_up(struct task *task, void *arg)
{
    struct persistent *persistent = arg;
    if (!persistent->conversation && !is_stopped(persistent) &&
        clock_now_us() >= persistent->dial_us)
        begin(persistent, task);
    if (persistent->conversation) {
        enum task_next next = dial_service_run(persistent->conversation, task);
        if (next != TASK_END)
            return next;
        end(persistent, task);
    }
    if (is_stopped(persistent)) {
        registry_remove(persistent->server->registry, &persistent->entry);
        free_persistent(persistent);
        return TASK_END;
    }
    task_deadline(task, persistent->dial_us);
    return TASK_WAIT;
}

/* ---- All of a generation ------------------------------------------------------------------- */

/* Returns 0, or an errno. */
static int make(struct server *server, struct service *service)
{
    const struct config_dial *config = &service->config->dial;
    struct persistent *persistent = calloc(1, sizeof(*persistent));
    if (!persistent)
        return ENOMEM;
    int error = pthread_mutex_init(&persistent->lock, NULL);
    if (error != 0) {
        free(persistent);
        return error;
    }
    persistent->server = server;
    persistent->service = service_hold(service);
    persistent->backoff =
        (struct backoff){.min_ms = config->retry_min_ms, .max_ms = config->retry_max_ms};
    persistent->task = task_new(server->crew, keep_up, persistent);
    if (!persistent->task) {
        error = errno;
        free_persistent(persistent);
        return error;
    }
    persistent->entry =
        (struct registry_entry){.service = service->connections, .task = persistent->task};
    service->persistent = persistent;
    return 0;
}

/* The service of before whose task goes on for this one: they share their connections. */
static struct service *predecessor(const struct service *service, const struct generation *before)
{
    struct service *old = before ? generation_find(before, service->config->name) : NULL;
    return old && old->connections == service->connections ? old : NULL;
}

static bool make_or_report(struct server *server, struct service *service)
{
    struct report report = {.log = server->log, .service = service->config->name};
    int error = make(server, service);
    if (error != 0)
        report_dropped(&report, error);
    return error == 0;
}

bool persistent_prepare(struct server *server, struct generation *generation,
                        const struct generation *before)
{
    bool made = true;
    for (size_t i = 0; made && i < generation->count; i++) {
        struct service *service = generation->services[i];
        if (service->config->dial.persistent && !predecessor(service, before))
            made = make_or_report(server, service);
    }
    return made;
}

void persistent_discard(struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct persistent *persistent = generation->services[i]->persistent;
        generation->services[i]->persistent = NULL;
        if (!persistent)
            continue;
        task_discard(persistent->task);
        free_persistent(persistent);
    }
}

static void begin_task(struct persistent *persistent)
{
    registry_add(persistent->server->registry, &persistent->entry);
    task_start(persistent->task, TASK_RUN_NOW);
}

static void go_on(struct service *service, struct service *old)
{
    struct persistent *persistent = old->persistent;
    service->persistent = persistent;
    old->persistent = NULL;
    lock_take(&persistent->lock);
    struct service *last = persistent->service;
    persistent->service = service_hold(service);
    lock_release(&persistent->lock);
    service_release(last); /* never its last reference: the generation before has one */
}

void persistent_start(struct generation *generation, struct generation *before)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct service *service = generation->services[i];
        struct service *old = predecessor(service, before);
        if (service->persistent)
            begin_task(service->persistent);
        else if (service->config->dial.persistent && old && old->persistent)
            go_on(service, old);
    }
}
