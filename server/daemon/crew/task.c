#include "server/daemon/crew/internal.h"

#include "relay/clock.h"

#include <errno.h>

struct task *task_new(struct crew *crew, enum task_next (*run)(struct task *task, void *arg),
                      void *arg)
{
    struct task *task = slots_take(crew);
    if (!task)
        return NULL;
    timer_init(&task->timer);
    task->run = run;
    task->arg = arg;
    task->timed = false;
    task->epoll = crew->epoll;
    task->wake = -1;
    for (int place = 0; place < TASK_PLACES; place++) {
        task->places[place].fd = -1;
        task->places[place].events = 0;
    }
    int error = crew->parking == CREW_PARK_NEVER ? alone_prepare(task) : 0;
    if (error != 0) {
        task_release(task);
        errno = error;
        return NULL;
    }
    return task;
}

void task_discard(struct task *task)
{
    for (int place = 0; place < TASK_PLACES; place++)
        (void)task_watch(task, place, -1, 0);
    task_release(task);
}

/* Makes a new task queued, or lets it wait if nothing has come for it yet. Returns true if it is
 * queued, and the caller's. */
static bool begin_life(struct task *task, enum task_begin begin)
{
    uint64_t seen = atomic_load(&task->state);
    uint64_t next;
    bool queued;
    do {
        queued = begin == TASK_RUN_NOW || (seen & TASK_AGAIN) != 0;
        next = (seen >> TASK_GENERATION << TASK_GENERATION) |
               (queued ? (uint64_t)TASK_QUEUED : (uint64_t)TASK_WAITING);
    } while (!atomic_compare_exchange_weak(&task->state, &seen, next));
    return queued;
}

void task_start(struct task *task, enum task_begin begin)
{
    struct crew *crew = task->crew; /* another thread may end the task from here on */
    bool queued = begin_life(task, begin);
    if (crew->parking == CREW_PARK_NEVER)
        alone_start(task);
    else if (queued)
        crew_queue(task);
    else if (atomic_load(&crew->running) == 0)
        crew_grow(crew);
}

static uint64_t event_data(const struct task *task, int place, uint64_t generation)
{
    return generation << 32 | (uint64_t)task->index << EVENT_INDEX | (unsigned)place;
}

/* Begins a new generation, so that no event for what was watched before reaches the place, also not
 * one that a thread has got from epoll already. */
void task_forget(struct task *task, int place)
{
    struct task_place *from = &task->places[place];
    atomic_store(&from->arrived, ((atomic_load(&from->arrived) >> 32) + 1) << 32);
    from->fd = -1;
    from->events = 0;
}

static void unwatch(struct task *task, int place)
{
    (void)epoll_ctl(task->epoll, EPOLL_CTL_DEL, task->places[place].fd, NULL);
    task_forget(task, place);
}

int task_watch(struct task *task, int place, int fd, uint32_t events)
{
    struct task_place *to = &task->places[place];
    if (to->fd != fd && to->fd >= 0)
        unwatch(task, place);
    if (fd < 0 || (to->fd == fd && (events & ~to->events) == 0))
        return 0;
    events |= to->events;
    struct epoll_event event = {
        .events = events | EPOLLET,
        .data.u64 = event_data(task, place, atomic_load(&to->arrived) >> 32),
    };
    int operation = to->fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(task->epoll, operation, fd, &event) != 0)
        return errno;
    to->fd = fd;
    to->events = events;
    return 0;
}

uint32_t task_take_events(struct task *task, int place)
{
    static const uint64_t generation = (uint64_t)UINT32_MAX << 32;
    _Atomic uint64_t *arrived = &task->places[place].arrived;
    if ((uint32_t)atomic_load(arrived) == 0)
        return 0;
    return (uint32_t)atomic_fetch_and(arrived, generation);
}

/* With CREW_PARK_NEVER the task's thread looks at the deadline itself. */
void task_deadline(struct task *task, int64_t deadline_us)
{
    if (task->crew->parking == CREW_PARK_NEVER) {
        atomic_store(&task->timer.deadline_us, deadline_us);
        return;
    }
    if (deadline_us != DEADLINE_NEVER)
        task->timed = true;
    timers_set(&task->crew->timers, &task->timer, deadline_us);
}

void task_wake(struct task *task)
{
    if (!task_claim(task))
        return;
    if (task->wake >= 0)
        alone_wake(task);
    else
        crew_queue(task);
}
