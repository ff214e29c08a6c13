/* A crew of threads that runs tasks. A task is the work of one connection: it runs on one thread at
 * a time whenever there is something to do, and costs no thread while it waits.
 *
 * A task is runnable when a descriptor that it watches has an event, when its deadline has passed,
 * or after task_wake. Then a thread of the crew calls its `run`, which does what can be done
 * without waiting and returns. As many tasks run at once as there are processors, beside those that
 * block.
 *
 * No wake-up is lost: an event that comes while the task runs makes it run once more. Descriptors
 * are watched edge-triggered, so `run` must use a descriptor until it would block before it waits
 * for the next event.
 *
 * Threads: functions with a task are for its `run` only, if they do not say "any thread".
 * crew_new, crew_free and task_new: any thread. */
#ifndef ACTPASS_SERVER_CREW_H
#define ACTPASS_SERVER_CREW_H

#include <stdbool.h>
#include <stdint.h>

struct crew;
struct task;

/* The result of `run`. */
enum task_next {
    TASK_WAIT, /* until an event, the deadline, or a wake-up */
    TASK_MORE, /* run again, after the others that are runnable now */
    TASK_END   /* `run` has closed what it watched and freed its argument; the task is gone */
};

/* How a test makes tasks wait. The daemon takes it from the environment (ACTPASS_TEST_PARK). */
enum crew_parking {
    CREW_PARK_USUAL,  /* a task that waits has no thread */
    CREW_PARK_ALWAYS, /* the same, and each event is delivered twice, in another order */
    CREW_PARK_NEVER   /* a thread for each task: it waits in poll for the task's own descriptors */
};

struct crew_options {
    unsigned threads;          /* that run at once; 0: as many as processors may be used */
    unsigned threads_max;      /* in all, with those that block; 0: 65536 */
    enum crew_parking parking; /* for tests */

    /* Called each time that the system gives no thread, with the errno; NULL: not called. Tasks go
     * on with the threads that are there. Any thread that uses the crew, without a lock of its. */
    void (*no_thread)(void *arg, int error);
    void *arg; /* of no_thread */
};

/* Returns NULL with errno. Threads are started when they are needed, and block all signals but
 * those of faults. They have the scheduling policy of the caller if that is SCHED_OTHER, whoever
 * needs them. */
struct crew *crew_new(const struct crew_options *options);

/* Starts the first thread, so that there is one whatever the system gives later. Without it the
 * first task does that. Does nothing with CREW_PARK_NEVER. False: the system gives none, and
 * no_thread was called. */
bool crew_begin(struct crew *crew);

/* Ends the threads. All tasks must have ended. NULL does nothing. */
void crew_free(struct crew *crew);

/* The number of threads now, and of tasks. */
struct crew_counts {
    unsigned threads, blocked;
    unsigned long tasks;
};
struct crew_counts crew_count(struct crew *crew);

/* How many tasks wait, and so have no thread. Looks at each, without a lock: a task that changes
 * meanwhile may be counted or not. */
unsigned long crew_count_parked(struct crew *crew);

/* Makes a task that waits. Nothing runs it before task_start. Returns NULL with errno. */
struct task *task_new(struct crew *crew, enum task_next (*run)(struct task *task, void *arg),
                      void *arg);

/* Makes it runnable for the first time, or lets it wait for what it watches already. From here on
 * it may run, and end, on another thread. Any thread, once. */
enum task_begin { TASK_RUN_NOW, TASK_WAIT_FIRST };
void task_start(struct task *task, enum task_begin begin);

/* Releases a task that was never started. */
void task_discard(struct task *task);

/* A task watches up to two descriptors; PLACE is 0 or 1. */
enum { TASK_PLACES = 2 };

/* Watches FD for EVENTS (EPOLLIN, EPOLLOUT, EPOLLRDHUP; errors are always reported), instead of
 * what the place watched before. The same FD again changes the events only, and costs nothing if
 * they are the same or fewer. FD -1: watches nothing there. Before a descriptor is closed it must
 * be removed in this way. Also before task_start. Returns 0, or an errno. */
int task_watch(struct task *task, int place, int fd, uint32_t events);

/* Watches nothing at a place any more whose descriptor was closed. Its number may belong to another
 * task by now, so that task_watch must not remove it. */
void task_forget(struct task *task, int place);

/* Returns the events (EPOLLIN, ...) that came for a place since the last call. */
uint32_t task_take_events(struct task *task, int place);

/* When to run at the latest, on clock_now_us' clock; DEADLINE_NEVER: no limit. Stays until it is
 * replaced; once it has passed, the task runs once for it. Cheap if it is not earlier than the
 * last. Also before task_start. */
void task_deadline(struct task *task, int64_t deadline_us);

/* Makes a task runnable. Any thread, as long as the task cannot end meanwhile (for example because
 * it must take a lock of the caller's before it ends). */
void task_wake(struct task *task);

/* Bracket what may block the thread for long: another thread runs the other tasks meanwhile. Cheap
 * if there is one that waits. May nest. Do nothing on a thread that is not the crew's. */
void crew_block(void);
void crew_unblock(void);

#endif
