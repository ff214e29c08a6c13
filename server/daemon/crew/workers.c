#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>

enum { EVENTS_MAX = 32 };

/* A thread of the crew. Its own. */
struct worker {
    struct crew *crew;
    struct task_list own; /* queued tasks that it runs next */
    unsigned blocks;      /* crew_block without crew_unblock */
    int count;            /* of events */
    struct epoll_event events[EVENTS_MAX];
};

/* Global since crew_block, which is called deep inside a task's run, takes no argument. */
static _Thread_local struct worker *current;

void crew_queue(struct task *task)
{
    struct worker *worker = current;
    if (worker && worker->crew == task->crew && worker->blocks == 0) {
        task_list_push(&worker->own, task);
        return;
    }
    struct task_list one = {0};
    task_list_push(&one, task);
    crew_share(task->crew, &one);
}

static void take_expired(struct timer *timer, void *arg)
{
    struct task *task = (struct task *)timer;
    struct worker *worker = arg;
    if (task_claim(task))
        task_list_push(&worker->own, task);
}

static void take_event(struct worker *worker, const struct epoll_event *event)
{
    struct crew *crew = worker->crew;
    struct task *task;
    switch (event->data.u64 & EVENT_KINDS) {
    case EVENT_KICK:
        atomic_store(&crew->kicked, false);
        break;
    case EVENT_TIMER:
        timers_expire(&crew->timers, clock_now_us(), take_expired, worker);
        break;
    default:
        task = task_deliver(crew, event);
        if (task)
            task_list_push(&worker->own, task);
    }
}

static void take_events(struct worker *worker)
{
    bool reversed = worker->crew->parking == CREW_PARK_ALWAYS;
    for (int i = 0; i < worker->count; i++)
        take_event(worker, &worker->events[reversed ? worker->count - 1 - i : i]);
}

/* Gives tasks that are left from the last round to a thread that sleeps. */
static void share_surplus(struct worker *worker)
{
    struct task_list surplus = {0};
    if (worker->own.count < 2 || atomic_load(&worker->crew->sleepers) == 0)
        return;
    task_list_move(&surplus, &worker->own, worker->own.count / 2);
    crew_share(worker->crew, &surplus);
}

/* Must this thread not sleep? Counts it as a sleeper otherwise. */
static bool begin_sleep(struct worker *worker)
{
    struct crew *crew = worker->crew;
    if (worker->own.count > 0)
        return false;
    atomic_fetch_add(&crew->sleepers, 1);
    if (atomic_load(&crew->ready_count) == 0 && !atomic_load(&crew->closing))
        return true;
    atomic_fetch_sub(&crew->sleepers, 1);
    return false;
}

static void wait_for_work(struct worker *worker)
{
    struct crew *crew = worker->crew;
    share_surplus(worker);
    bool sleeps = begin_sleep(worker);
    worker->count = epoll_wait(crew->epoll, worker->events, (int)crew->batch, sleeps ? -1 : 0);
    int error = worker->count < 0 ? errno : 0;
    if (sleeps)
        atomic_fetch_sub(&crew->sleepers, 1);
    lock_must_succeed(error == EINTR ? 0 : error);
    take_events(worker);
    if (atomic_load(&crew->ready_count) > 0)
        crew_take_ready(crew, &worker->own);
    if (worker->own.count > crew->batch) /* thousands of deadlines may pass at once */
        share_surplus(worker);
}

/* Runs what is in the list now: a task that must run again is put behind what comes. A task that
 * blocks gives the rest of the list away. */
static void run_own(struct worker *worker)
{
    for (unsigned left = worker->own.count; left > 0; left--) {
        struct task *task = task_list_pop(&worker->own);
        if (!task)
            break;
        if (task_step(task) == TASK_MORE)
            task_list_push(&worker->own, task);
    }
}

/* Is this thread one too many? Then it is not counted any more, and has given its tasks away. */
static bool leaves(struct worker *worker)
{
    struct crew *crew = worker->crew;
    bool closing = atomic_load(&crew->closing);
    if (!closing && atomic_load(&crew->running) <= crew->threads)
        return false;
    lock_take(&crew->lock);
    bool leaving = closing || atomic_load(&crew->running) > crew->threads;
    if (leaving)
        atomic_fetch_sub(&crew->running, 1);
    lock_release(&crew->lock);
    if (closing)
        crew_kick(crew); /* the next one */
    else if (leaving)
        crew_share(crew, &worker->own);
    return leaving;
}

void crew_work(void *arg)
{
    struct worker worker = {.crew = arg};
    current = &worker;
    crew_take_policy(worker.crew);
    while (!leaves(&worker)) {
        wait_for_work(&worker);
        if (worker.own.count > 0)
            crew_grow(worker.crew); /* so that another thread sees the next event */
        run_own(&worker);
        if (worker.crew->parking != CREW_PARK_ALWAYS)
            continue;
        take_events(&worker);
        run_own(&worker);
    }
    current = NULL;
}

void crew_block(void)
{
    struct worker *worker = current;
    if (!worker || worker->blocks++ > 0)
        return;
    struct crew *crew = worker->crew;
    lock_take(&crew->lock);
    atomic_fetch_sub(&crew->running, 1);
    crew->blocked++;
    lock_release(&crew->lock);
    if (worker->own.count > 0)
        crew_share(crew, &worker->own);
    else
        crew_rouse(crew);
}

void crew_unblock(void)
{
    struct worker *worker = current;
    if (!worker || --worker->blocks > 0)
        return;
    struct crew *crew = worker->crew;
    lock_take(&crew->lock);
    atomic_fetch_add(&crew->running, 1);
    crew->blocked--;
    lock_release(&crew->lock);
}
