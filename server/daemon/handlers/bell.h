/* A bell: how other threads let a job's step be called (handler.h). It belongs to a conversation,
 * and is valid as long as that. */
#ifndef ACTPASS_SERVER_HANDLERS_BELL_H
#define ACTPASS_SERVER_HANDLERS_BELL_H

#include "server/daemon/crew/crew.h"

#include <stdatomic.h>

struct bell {
    struct task *task; /* constant once the task runs */
    atomic_bool rung;
};

/* Makes the step be called once more. Any thread, as long as the task cannot end meanwhile. */
static inline void bell_ring(struct bell *bell)
{
    atomic_store(&bell->rung, true);
    task_wake(bell->task);
}

/* Was it rung since the last call? For the task's `run`. */
static inline bool bell_take(struct bell *bell)
{
    return atomic_load(&bell->rung) && atomic_exchange(&bell->rung, false);
}

#endif
