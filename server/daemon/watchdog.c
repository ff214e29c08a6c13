#include "server/daemon/watchdog.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <stdlib.h>

struct watchdog {
    struct notify *notify;
    struct task *task;
    int64_t due_us; /* the accept thread's */
    pthread_mutex_t lock;
    bool answered; /* guarded by lock, as is the next: the task has run since it was woken last */
    bool stopping;
};

/* The lock is held while the task is woken to end, so it cannot end before that. */
static enum task_next answer(struct task *task, void *arg)
{
    struct watchdog *watchdog = arg;
    (void)task;
    lock_take(&watchdog->lock);
    watchdog->answered = true;
    bool ends = watchdog->stopping;
    lock_release(&watchdog->lock);
    return ends ? TASK_END : TASK_WAIT;
}

struct watchdog *watchdog_new(struct notify *notify, struct crew *crew)
{
    errno = 0;
    if (notify_watchdog_us(notify) == 0)
        return NULL;
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
    if (!watchdog)
        return NULL;
    watchdog->notify = notify;
    int error = pthread_mutex_init(&watchdog->lock, NULL);
    if (error != 0)
        goto out_memory;
    watchdog->task = task_new(crew, answer, watchdog);
    error = watchdog->task ? 0 : errno;
    if (error != 0)
        goto out_lock;
    task_start(watchdog->task, TASK_RUN_NOW);
    return watchdog;

out_lock:
    (void)pthread_mutex_destroy(&watchdog->lock);
out_memory:
    free(watchdog);
    errno = error;
    return NULL;
}

/* Has the task run since the last call that returned true? */
static bool take_answer(struct watchdog *watchdog)
{
    lock_take(&watchdog->lock);
    bool answered = watchdog->answered;
    watchdog->answered = false;
    lock_release(&watchdog->lock);
    return answered;
}

/* A notification that fails is tried again next time; the manager waits for several. */
int64_t watchdog_tick(struct watchdog *watchdog)
{
    if (!watchdog)
        return DEADLINE_NEVER;
    int64_t now_us = clock_now_us();
    if (now_us < watchdog->due_us)
        return watchdog->due_us;
    watchdog->due_us = now_us + notify_watchdog_us(watchdog->notify);
    if (take_answer(watchdog)) {
        (void)notify_alive(watchdog->notify);
        task_wake(watchdog->task);
    }
    return watchdog->due_us;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    lock_take(&watchdog->lock);
    watchdog->stopping = true;
    task_wake(watchdog->task);
    lock_release(&watchdog->lock);
}

void watchdog_free(struct watchdog *watchdog)
{
    if (watchdog)
        (void)pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
