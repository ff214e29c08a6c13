#include "server/daemon/persistent.h"

#include "relay/clock.h"
#include "server/daemon/backoff.h"
#include "server/daemon/dial_service.h"
#include "server/daemon/report.h"

#include <errno.h>
#include <stdlib.h>

/* In the registry, so that stopping waits for it. Belongs to its task, which also runs each of its
 * conversations. */
struct persistent {
    struct registry_entry entry;
    struct server *server;
    struct service *service;
    struct conversation *conversation; /* NULL: none now */
    struct backoff backoff;
    int64_t dial_us; /* without a conversation: when to dial next */
};

static bool is_stopped(const struct persistent *persistent)
{
    return atomic_load(&persistent->server->stopping);
}

/* After a connection that lasted longer than the max wait, the waits are short again. */
static void wait_for_next(struct persistent *persistent, int64_t lived_ms)
{
    struct report report = {.log = persistent->server->log,
                            .service = persistent->service->config->name};
    if (lived_ms >= persistent->service->config->dial.retry_max_ms)
        backoff_reset(&persistent->backoff);
    if (is_stopped(persistent))
        return;
    int64_t wait_ms = backoff_next_ms(&persistent->backoff);
    persistent->dial_us = clock_deadline_ms(wait_ms);
    report_retry(&report, wait_ms);
}

static void begin(struct persistent *persistent, struct task *task)
{
    persistent->conversation = conversation_new(persistent->server, persistent->service, -1);
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
        free(persistent);
        return TASK_END;
    }
    task_deadline(task, persistent->dial_us);
    return TASK_WAIT;
}

/* Returns 0, or an errno. */
static int start(struct server *server, struct service *service)
{
    const struct config_dial *config = &service->config->dial;
    struct persistent *persistent = calloc(1, sizeof(*persistent));
    struct task *task = persistent ? task_new(server->crew, keep_up, persistent) : NULL;
    if (!task) {
        int error = persistent ? errno : ENOMEM;
        free(persistent);
        return error;
    }
    persistent->server = server;
    persistent->service = service;
    persistent->backoff =
        (struct backoff){.min_ms = config->retry_min_ms, .max_ms = config->retry_max_ms};
    persistent->entry = (struct registry_entry){.service = service->number, .task = task};
    registry_add(server->registry, &persistent->entry);
    task_start(task, TASK_RUN_NOW);
    return 0;
}

bool persistent_start(struct server *server)
{
    for (size_t i = 0; i < server->service_count; i++) {
        struct service *service = &server->services[i];
        int error = service->config->dial.persistent ? start(server, service) : 0;
        if (error != 0) {
            struct report report = {.log = server->log, .service = service->config->name};
            report_dropped(&report, error);
            return false;
        }
    }
    return true;
}
