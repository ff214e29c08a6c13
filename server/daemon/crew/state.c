#include "server/daemon/crew/internal.h"

#include <unistd.h>

void task_list_push(struct task_list *list, struct task *task)
{
    task->next = NULL;
    if (list->last)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
    list->count++;
}

struct task *task_list_pop(struct task_list *list)
{
    struct task *task = list->first;
    if (!task)
        return NULL;
    list->first = task->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return task;
}

void task_list_move(struct task_list *to, struct task_list *from, unsigned count)
{
    while (count-- > 0 && from->first)
        task_list_push(to, task_list_pop(from));
}

/* Every outcome but "another generation" writes the word, even if its value stays: so what the
 * caller did before is seen by the run that begins, or parks, afterwards. */
static bool claim(struct task *task, uint64_t generation)
{
    uint64_t seen = atomic_load(&task->state);
    uint64_t next;
    bool waited;
    do {
        if (seen >> TASK_GENERATION != generation)
            return false;
        waited = (seen & TASK_STATES) == TASK_WAITING;
        next = waited ? seen - TASK_WAITING + TASK_QUEUED : seen | TASK_AGAIN;
    } while (!atomic_compare_exchange_weak(&task->state, &seen, next));
    return waited;
}

bool task_claim(struct task *task)
{
    return claim(task, atomic_load(&task->state) >> TASK_GENERATION);
}

/* The generation is read first: if the event's place is current after that, the task is the one
 * that the event is for, and claim() notices if it ends meanwhile. */
struct task *task_deliver(struct crew *crew, const struct epoll_event *event)
{
    uint64_t data = event->data.u64;
    struct task *task = slots_at(crew, (uint32_t)data >> EVENT_INDEX);
    uint64_t generation = atomic_load(&task->state) >> TASK_GENERATION;
    _Atomic uint64_t *arrived = &task->places[data & EVENT_KINDS].arrived;
    uint64_t seen = atomic_load(arrived);
    do {
        if (seen >> 32 != data >> 32)
            return NULL;
    } while (!atomic_compare_exchange_weak(arrived, &seen, seen | event->events));
    return claim(task, generation) ? task : NULL;
}

/* Fails if something has come since the run began. */
static bool park(struct task *task, uint64_t running)
{
    return atomic_compare_exchange_strong(&task->state, &running,
                                          running - TASK_RUNNING + TASK_WAITING);
}

enum task_next task_step(struct task *task)
{
    uint64_t generation = atomic_load(&task->state) >> TASK_GENERATION << TASK_GENERATION;
    uint64_t running = generation | TASK_RUNNING;
    (void)atomic_exchange(&task->state, running);
    enum task_next next = task->run(task, task->arg);
    if (next == TASK_END) {
        task_release(task);
        return TASK_END;
    }
    if (next == TASK_WAIT && park(task, running))
        return TASK_WAIT;
    (void)atomic_exchange(&task->state, generation | TASK_QUEUED);
    return TASK_MORE;
}

void task_release(struct task *task)
{
    struct crew *crew = task->crew;
    if (task->timed)
        timers_remove(&crew->timers, &task->timer);
    for (int place = 0; place < TASK_PLACES; place++) {
        _Atomic uint64_t *arrived = &task->places[place].arrived;
        atomic_store(arrived, ((atomic_load(arrived) >> 32) + 1) << 32);
    }
    if (task->wake >= 0) {
        close(task->epoll);
        close(task->wake);
    }
    uint64_t generation = atomic_load(&task->state) >> TASK_GENERATION;
    atomic_store(&task->state, (generation + 1) << TASK_GENERATION | TASK_NEW);
    slots_give(task);
}

bool task_is_waiting(struct task *task)
{
    return (atomic_load(&task->state) & TASK_STATES) == TASK_WAITING;
}
