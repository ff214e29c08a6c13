/* The inside of the crew. A file calls only files before it:
 *
 *   timers.c   deadlines
 *   slots.c    where tasks live
 *   state.c    a task's state: claims, one run, the end
 *   ready.c    tasks that are runnable and have no thread yet; who is woken for them
 *   workers.c  the threads
 *   alone.c    the threads of CREW_PARK_NEVER
 *   task.c     the functions of crew.h with a task
 *   life.c     the others */
#ifndef ACTPASS_SERVER_CREW_INTERNAL_H
#define ACTPASS_SERVER_CREW_INTERNAL_H

#include "server/daemon/crew/crew.h"
#include "server/daemon/crew/timers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>

/* A task's state is one word: the generation of its slot, a flag, and one of these states. */
enum {
    TASK_NEW,     /* not started, or the slot is unused */
    TASK_WAITING, /* whoever claims it makes it queued, and runs it or puts it into a list */
    TASK_QUEUED,  /* in exactly one list */
    TASK_RUNNING,
    TASK_STATES = 3,    /* the mask of the states */
    TASK_AGAIN = 4,     /* something has come since the run began, or before the start */
    TASK_GENERATION = 3 /* where the generation begins, in bits */
};

/* What one place watches. `fd` and `events` are the owner's; `arrived` has the events that came in
 * its lower half, and in its upper half the generation of the place, which epoll's events carry,
 * too: an event of another generation is for what the place watched before. */
struct task_place {
    int fd;
    uint32_t events;
    _Atomic uint64_t arrived;
};

/* The owner is the thread that runs the task or, before task_start, the one that made it. */
struct task {
    struct timer timer; /* must be the first member */
    struct crew *crew;  /* constant, as are the next three */
    enum task_next (*run)(struct task *task, void *arg);
    void *arg;
    uint32_t index;
    bool timed;        /* it may be in the heap of the timers; the owner's */
    int epoll, wake;   /* the crew's, and -1; CREW_PARK_NEVER: its own, and an eventfd */
    struct task *next; /* in its list; belongs to whom the list belongs to */
    _Atomic uint64_t state;
    struct task_place places[TASK_PLACES];
};

struct task_list {
    struct task *first, *last;
    unsigned count;
};

/* What epoll's data has in its two lowest bits. Above them is the index, in the upper half the
 * generation of the place. */
enum { EVENT_PLACE_0, EVENT_PLACE_1, EVENT_KICK, EVENT_TIMER, EVENT_KINDS = 3, EVENT_INDEX = 2 };

enum { SLOTS_PER_CHUNK = 64, SLOTS_CHUNKS = 1 << 16 };

struct crew {
    /* Constant. */
    unsigned threads, threads_max, batch;
    enum crew_parking parking;
    int policy; /* the scheduling policy of its threads */
    int epoll, kick;
    struct threads *pool;
    void (*work)(void *crew); /* what a thread runs */
    void (*no_thread)(void *arg, int error);
    void *arg;                      /* of no_thread */
    _Atomic(struct task *) *chunks; /* each is set once */

    struct timers timers;
    atomic_uint sleepers;    /* threads that are in epoll_wait, or about to, without a time limit */
    atomic_uint ready_count; /* ready.count */
    atomic_uint running;     /* threads that are not blocked; changed with the lock held */
    atomic_bool kicked;      /* an event of `kick` is on its way */
    atomic_bool closing;

    pthread_mutex_t lock; /* guards all that follows */
    struct task_list ready;
    struct task *unused; /* slots */
    uint32_t slots;      /* that were made */
    unsigned long tasks;
    unsigned blocked;
    int64_t retry_us; /* no thread could be started: when to try again */
};

/* slots.c */

/* Returns an unused slot, or NULL with errno. */
struct task *slots_take(struct crew *crew);
void slots_give(struct task *task);
struct task *slots_at(struct crew *crew, uint32_t index);
void slots_free(struct crew *crew);

/* state.c */

void task_list_push(struct task_list *list, struct task *task);
struct task *task_list_pop(struct task_list *list);
/* Moves COUNT tasks from the front of FROM to the end of TO. */
void task_list_move(struct task_list *to, struct task_list *from, unsigned count);

/* Notes that something has come for the task. Returns true if it was waiting: it is queued now, and
 * the caller's to run or to put into a list. */
bool task_claim(struct task *task);

/* Notes an epoll event. Returns the task if it is the caller's now, as above; else NULL. */
struct task *task_deliver(struct crew *crew, const struct epoll_event *event);

/* Runs a queued task once. TASK_MORE: it is queued again, and the caller's to put into a list. */
enum task_next task_step(struct task *task);

/* Ends a task that nobody else can claim but by events that are out of date. */
void task_release(struct task *task);

bool task_is_waiting(struct task *task);

/* ready.c */

/* Wakes a thread that sleeps, or starts one if none does, as far as threads are allowed: somebody
 * will look at the ready tasks and at epoll. */
void crew_rouse(struct crew *crew);

/* Appends the list, which becomes empty, to the ready tasks, and rouses. */
void crew_share(struct crew *crew, struct task_list *list);

/* Moves a fair share of the ready tasks to the list. */
void crew_take_ready(struct crew *crew, struct task_list *list);

/* Starts a thread for RUN, which is counted as running already; if there is none, it is not counted
 * any more. */
void crew_start_thread(struct crew *crew, void (*run)(void *crew));

/* What each thread does first: it would inherit the policy of the thread that has started it. */
void crew_take_policy(const struct crew *crew);

/* Starts a thread if fewer run than may and none sleeps. */
void crew_grow(struct crew *crew);

/* Wakes one thread that sleeps in epoll_wait, whatever `kicked` says. */
void crew_kick(struct crew *crew);

/* workers.c */

/* A thread of the crew, which is the argument. */
void crew_work(void *arg);

/* Puts a queued task into the list of the calling thread, or else into the ready tasks. */
void crew_queue(struct task *task);

/* alone.c */

/* Gives the task what it needs to have a thread of its own. Returns 0 or an errno. */
int alone_prepare(struct task *task);

/* Starts its thread, or keeps the task until a thread can be had. */
void alone_start(struct task *task);

/* Makes its thread look. */
void alone_wake(struct task *task);

#endif
