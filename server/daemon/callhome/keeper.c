#include "server/daemon/callhome/keeper.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "server/daemon/callhome/schedule.h"
#include "server/daemon/dial_service.h"
#include "server/daemon/report.h"

#include <errno.h>
#include <stdlib.h>

/* In the registry, so that stopping waits for it. */
struct keeper {
    struct registry_entry entry;
    struct server *server;
    struct task *task;
    size_t address, count; /* of "dial" */
    struct keeper *next;   /* the accept thread's */

    pthread_mutex_t lock; /* under which only task_wake and stats_kept are called */
    /* Guarded by the lock. */
    struct service *service; /* of the next connection */
    struct schedule schedule;
    size_t calls;            /* that have not left */
    struct stats_kept shown; /* of the schedule, as the admin listener has it */
};

/* One connection. Belongs to its task. */
struct call {
    struct keeper *keeper;
    struct conversation *conversation;
    struct conversation_kept kept;
    enum schedule_end end; /* if it ended now */
};

static bool is_stopped(const struct keeper *keeper)
{
    return atomic_load(&keeper->server->stopping) ||
           registry_service_is_retired(keeper->entry.service);
}

/* The caller releases it. */
static struct service *hold_service(struct keeper *keeper)
{
    lock_take(&keeper->lock);
    struct service *service = service_hold(keeper->service);
    lock_release(&keeper->lock);
    return service;
}

static void free_keeper(struct keeper *keeper)
{
    service_release(keeper->service);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

/* Shows how many connections there are. The lock is held. */
static void show(struct keeper *keeper)
{
    const struct schedule *schedule = &keeper->schedule;
    const struct stats_kept now = {.dialing = schedule->dialing,
                                   .unused = schedule->unused - schedule->dialing,
                                   .used = schedule->used};
    stats_kept(keeper->service->stats, &now, &keeper->shown);
}

/* ---- One connection -------------------------------------------------------------------------- */

static void note_up(void *arg)
{
    struct call *call = arg;
    struct keeper *keeper = call->keeper;
    call->end = SCHEDULE_UNUSED;
    lock_take(&keeper->lock);
    schedule_up(&keeper->schedule, clock_now_us());
    show(keeper);
    task_wake(keeper->task);
    lock_release(&keeper->lock);
}

static void note_used(void *arg)
{
    struct call *call = arg;
    struct keeper *keeper = call->keeper;
    call->end = SCHEDULE_WAS_USED;
    if (keeper->schedule.max > 1)
        report_used(conversation_report(call->conversation));
    lock_take(&keeper->lock);
    schedule_used(&keeper->schedule, clock_now_us());
    show(keeper);
    task_wake(keeper->task);
    lock_release(&keeper->lock);
}

/* From here on the keeper may be gone. */
static void leave(struct keeper *keeper)
{
    lock_take(&keeper->lock);
    keeper->calls--;
    task_wake(keeper->task);
    lock_release(&keeper->lock);
}

static void note_end(struct keeper *keeper, enum schedule_end end)
{
    lock_take(&keeper->lock);
    int64_t wait_ms = schedule_ended(&keeper->schedule, end, clock_now_us());
    show(keeper);
    struct service *service = service_hold(keeper->service);
    lock_release(&keeper->lock);
    const struct report report = {.log = keeper->server->log, .service = service->config->name};
    if (wait_ms >= 0 && !is_stopped(keeper))
        report_retry(&report, wait_ms);
    service_release(service);
    leave(keeper);
}

static enum task_next run_call(struct task *task, void *arg)
{
    struct call *call = arg;
    enum task_next next = dial_service_run(call->conversation, task);
    if (next != TASK_END)
        return next;
    conversation_free(call->conversation);
    note_end(call->keeper, call->end);
    free(call);
    return TASK_END;
}

/* Takes the conversation, also on failure, which is logged. */
static bool start_call(struct keeper *keeper, struct conversation *conversation)
{
    struct call *call = calloc(1, sizeof(*call));
    struct task *task = call ? task_new(keeper->server->crew, run_call, call) : NULL;
    if (!task) {
        int error = call ? errno : ENOMEM;
        conversation_drop(conversation, error);
        free(call);
        return false;
    }
    const struct service *service = conversation_service(conversation);
    const struct config_dial *dial = &service->config->dial;
    *call = (struct call){
        .keeper = keeper,
        .conversation = conversation,
        .kept = {.address = keeper->address,
                 .count = keeper->count,
                 .idle_timeout_ms = dial->periodic ? dial->keep.idle_timeout_ms : CONFIG_NEVER,
                 .up = note_up,
                 .used = note_used,
                 .arg = call},
        .end = SCHEDULE_FAILED};
    conversation_keep(conversation, &call->kept);
    conversation_set_task(conversation, task);
    task_start(task, TASK_RUN_NOW);
    return true;
}

/* The schedule and the number of calls count it already. */
static void begin_call(struct keeper *keeper)
{
    struct service *service = hold_service(keeper);
    struct conversation *conversation = conversation_new(keeper->server, service, -1);
    service_release(service);
    if (!conversation || !start_call(keeper, conversation))
        note_end(keeper, SCHEDULE_FAILED);
}

/* ---- The keeper's task ----------------------------------------------------------------------- */

enum decision { DIALS, WAITS, IS_OVER };

/* DIALS: the connection is counted already. WAITS: until *UNTIL_US, or a wake-up. */
static enum decision decide(struct keeper *keeper, int64_t *until_us)
{
    bool stopped = is_stopped(keeper);
    int64_t now_us = clock_now_us();
    lock_take(&keeper->lock);
    *until_us = stopped ? DEADLINE_NEVER : schedule_due_us(&keeper->schedule, now_us);
    enum decision decision = *until_us <= now_us ? DIALS : WAITS;
    if (decision == DIALS) {
        schedule_dials(&keeper->schedule);
        show(keeper);
        keeper->calls++;
    } else if (stopped && keeper->calls == 0) {
        decision = IS_OVER;
    }
    lock_release(&keeper->lock);
    return decision;
}

static enum task_next run(struct task *task, void *arg)
{
    struct keeper *keeper = arg;
    for (;;) {
        int64_t until_us;
        switch (decide(keeper, &until_us)) {
        case DIALS:
            begin_call(keeper);
            break;
        case WAITS:
            task_deadline(task, until_us);
            return TASK_WAIT;
        case IS_OVER:
            registry_remove(keeper->server->registry, &keeper->entry);
            free_keeper(keeper);
            return TASK_END;
        }
    }
}

/* ---- Its life -------------------------------------------------------------------------------- */

/* False with errno. */
static bool prepare(struct keeper *keeper, struct server *server)
{
    int error = pthread_mutex_init(&keeper->lock, NULL);
    if (error != 0) {
        errno = error;
        return false;
    }
    keeper->task = task_new(server->crew, run, keeper);
    if (!keeper->task) {
        error = errno;
        (void)pthread_mutex_destroy(&keeper->lock);
        errno = error;
    }
    return keeper->task;
}

struct keeper *keeper_new(struct server *server, struct service *service, size_t address,
                          size_t count)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    if (!keeper || !prepare(keeper, server)) {
        free(keeper);
        return NULL;
    }
    keeper->server = server;
    keeper->address = address;
    keeper->count = count;
    keeper->service = service_hold(service);
    keeper->entry = (struct registry_entry){.service = service->connections, .task = keeper->task};
    return keeper;
}

void keeper_discard(struct keeper *keeper)
{
    task_discard(keeper->task);
    free_keeper(keeper);
}

/* The first period begins now. */
void keeper_start(struct keeper *keeper)
{
    schedule_begin(&keeper->schedule, &keeper->service->config->dial, clock_now_us());
    registry_add(keeper->server->registry, &keeper->entry);
    task_start(keeper->task, TASK_RUN_NOW);
}

void keeper_take(struct keeper *keeper, struct service *service)
{
    lock_take(&keeper->lock);
    struct service *last = keeper->service;
    keeper->service = service_hold(service);
    lock_release(&keeper->lock);
    service_release(last); /* never its last reference: the generation before has one */
}

struct keeper *keeper_next(const struct keeper *keeper)
{
    return keeper->next;
}

void keeper_link(struct keeper *keeper, struct keeper *next)
{
    keeper->next = next;
}
