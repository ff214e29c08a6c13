#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 4, US_PER_MS = 1000 };

int alone_prepare(struct task *task)
{
    struct epoll_event kick = {.events = EPOLLIN | EPOLLET, .data.u64 = EVENT_KICK};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return errno;
    int error = 0;
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &kick) != 0)
        error = errno;
    if (error != 0) {
        close(epoll);
        if (wake >= 0)
            close(wake);
        return error;
    }
    task->epoll = epoll;
    task->wake = wake;
    return 0;
}

void alone_wake(struct task *task)
{
    static const uint64_t one = 1;
    ssize_t written = write(task->wake, &one, sizeof(one));
    lock_must_succeed(written == sizeof(one) ? 0 : errno);
}

/* For epoll_wait. */
static int wait_ms(int64_t deadline_us)
{
    int64_t now_us = clock_now_us();
    if (deadline_us <= now_us)
        return 0;
    if (deadline_us - now_us > (int64_t)INT_MAX * US_PER_MS - US_PER_MS)
        return INT_MAX; /* and then looks again */
    return (int)((deadline_us - now_us + US_PER_MS - 1) / US_PER_MS);
}

/* Waits for at most so long, and notes what has come. */
static void take_events(struct task *task, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(task->epoll, events, EVENTS_MAX, timeout_ms);
    lock_must_succeed(count < 0 && errno != EINTR ? errno : 0);
    for (int i = 0; i < count; i++)
        if ((events[i].data.u64 & EVENT_KINDS) != EVENT_KICK)
            (void)task_deliver(task->crew, &events[i]);
}

/* Waits once. *SERVED_US is the deadline that the task has run for. */
static void wait_for_events(struct task *task, int64_t *served_us)
{
    int64_t deadline_us = atomic_load(&task->timer.deadline_us);
    bool timed = deadline_us != DEADLINE_NEVER && deadline_us != *served_us;
    take_events(task, timed ? wait_ms(deadline_us) : -1);
    if (timed && deadline_us <= clock_now_us()) {
        *served_us = deadline_us;
        (void)task_claim(task);
    }
}

static void serve(struct task *task)
{
    int64_t served_us = DEADLINE_NEVER;
    for (;;) {
        while (task_is_waiting(task))
            wait_for_events(task, &served_us);
        enum task_next next = task_step(task);
        if (next == TASK_END)
            return;
        if (next == TASK_MORE)
            take_events(task, 0); /* what it has more to do may depend on them */
    }
}

/* Returns the next task that had no thread, or NULL: then the thread is not counted any more. */
static struct task *next_task(struct crew *crew)
{
    lock_take(&crew->lock);
    struct task *task = task_list_pop(&crew->ready);
    if (!task)
        atomic_fetch_sub(&crew->running, 1);
    lock_release(&crew->lock);
    return task;
}

static void work_alone(void *arg)
{
    struct crew *crew = arg;
    crew_take_policy(crew);
    for (struct task *task = next_task(crew); task; task = next_task(crew))
        serve(task);
}

/* If no thread can be had, the next one that is done takes the task. Without any, it waits for the
 * next task that starts. */
void alone_start(struct task *task)
{
    struct crew *crew = task->crew;
    lock_take(&crew->lock);
    task_list_push(&crew->ready, task);
    bool starts = atomic_load(&crew->running) < crew->threads_max;
    if (starts)
        atomic_fetch_add(&crew->running, 1);
    lock_release(&crew->lock);
    if (starts)
        crew_start_thread(crew, work_alone);
}
