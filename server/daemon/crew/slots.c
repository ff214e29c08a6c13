#include "server/daemon/crew/internal.h"

#include "relay/lock.h"

#include <errno.h>
#include <stdlib.h>

/* Makes one chunk more. With the lock held. */
static bool add_chunk(struct crew *crew)
{
    uint32_t chunk = crew->slots / SLOTS_PER_CHUNK;
    if (chunk >= SLOTS_CHUNKS)
        return false;
    struct task *tasks = calloc(SLOTS_PER_CHUNK, sizeof(*tasks));
    if (!tasks)
        return false;
    if (timers_reserve(&crew->timers, crew->slots + (size_t)SLOTS_PER_CHUNK) != 0) {
        free(tasks);
        return false;
    }
    for (uint32_t i = SLOTS_PER_CHUNK; i-- > 0;) {
        tasks[i].crew = crew;
        tasks[i].index = crew->slots + i;
        tasks[i].next = crew->unused;
        crew->unused = &tasks[i];
    }
    atomic_store(&crew->chunks[chunk], tasks);
    crew->slots += SLOTS_PER_CHUNK;
    return true;
}

struct task *slots_take(struct crew *crew)
{
    struct task *task = NULL;
    lock_take(&crew->lock);
    if (crew->unused || add_chunk(crew)) {
        task = crew->unused;
        crew->unused = task->next;
        crew->tasks++;
    } else {
        errno = ENOMEM;
    }
    lock_release(&crew->lock);
    return task;
}

void slots_give(struct task *task)
{
    struct crew *crew = task->crew;
    lock_take(&crew->lock);
    task->next = crew->unused;
    crew->unused = task;
    crew->tasks--;
    lock_release(&crew->lock);
}

struct task *slots_at(struct crew *crew, uint32_t index)
{
    struct task *tasks =
        atomic_load_explicit(&crew->chunks[index / SLOTS_PER_CHUNK], memory_order_acquire);
    return &tasks[index % SLOTS_PER_CHUNK];
}

void slots_free(struct crew *crew)
{
    for (uint32_t chunk = 0; chunk < crew->slots / SLOTS_PER_CHUNK; chunk++)
        free(atomic_load(&crew->chunks[chunk]));
    free(crew->chunks);
}
