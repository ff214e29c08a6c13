#include "server/daemon/crew/internal.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

enum { RETRY_MS = 100 };

/* The eventfd is watched edge-triggered: each write is an event for one thread, and nobody need
 * read it. Its counter takes 2^64 - 2 writes. */
void crew_kick(struct crew *crew)
{
    static const uint64_t one = 1;
    ssize_t written = write(crew->kick, &one, sizeof(one));
    lock_must_succeed(written == sizeof(one) ? 0 : errno);
}

/* With the lock held. If no thread runs, every call tries, since nobody else would. */
static bool may_start(struct crew *crew)
{
    unsigned running = atomic_load(&crew->running);
    unsigned all = running + crew->blocked;
    return running < crew->threads && all < crew->threads_max && !atomic_load(&crew->closing) &&
           (running == 0 || crew->retry_us == 0 || clock_now_us() >= crew->retry_us);
}

void crew_start_thread(struct crew *crew, void (*run)(void *crew))
{
    int error = threads_run(crew->pool, run, crew);
    if (error == 0)
        return;
    lock_take(&crew->lock);
    atomic_fetch_sub(&crew->running, 1);
    crew->retry_us = clock_deadline_ms(RETRY_MS);
    lock_release(&crew->lock);
    if (crew->no_thread)
        crew->no_thread(crew->arg, error);
}

void crew_take_policy(const struct crew *crew)
{
    struct sched_param none = {.sched_priority = 0};
    if (crew->policy == SCHED_OTHER && sched_getscheduler(0) != SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_OTHER, &none);
}

void crew_grow(struct crew *crew)
{
    if (atomic_load(&crew->sleepers) > 0 || atomic_load(&crew->running) >= crew->threads)
        return;
    lock_take(&crew->lock);
    bool starts = may_start(crew);
    if (starts) {
        atomic_fetch_add(&crew->running, 1);
        crew->retry_us = 0;
    }
    lock_release(&crew->lock);
    if (starts)
        crew_start_thread(crew, crew->work);
}

/* A thread that is about to sleep counts itself in `sleepers`, then looks at `ready_count`. The
 * caller has changed that before it looks at `sleepers`. So one of them sees the other. Whoever
 * finds `kicked` set need not write: the thread that gets the event clears it before it looks. */
void crew_rouse(struct crew *crew)
{
    if (atomic_load(&crew->sleepers) == 0)
        crew_grow(crew);
    else if (atomic_load(&crew->ready_count) > 0 && !atomic_exchange(&crew->kicked, true))
        crew_kick(crew);
}

void crew_share(struct crew *crew, struct task_list *list)
{
    lock_take(&crew->lock);
    task_list_move(&crew->ready, list, list->count);
    atomic_store(&crew->ready_count, crew->ready.count);
    lock_release(&crew->lock);
    crew_rouse(crew);
}

void crew_take_ready(struct crew *crew, struct task_list *list)
{
    lock_take(&crew->lock);
    unsigned count = crew->ready.count;
    if (atomic_load(&crew->sleepers) > 0)
        count = (count + 1) / 2;
    if (count > crew->batch)
        count = crew->batch;
    task_list_move(list, &crew->ready, count);
    atomic_store(&crew->ready_count, crew->ready.count);
    bool more = crew->ready.count > 0;
    lock_release(&crew->lock);
    if (more)
        crew_rouse(crew);
}
