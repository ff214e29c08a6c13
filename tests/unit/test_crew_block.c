/* Tasks that block, and how many threads there are. */
#include "server/daemon/crew/crew.h"

#include "relay/threads.h"
#include "tests/unit/test_crew.h"

#include <semaphore.h>

/* A task that blocks until it is let go. */
struct blocker {
    sem_t *leave;
    atomic_uint *entered, *left;
};

static enum task_next run_blocker(struct task *task, void *arg)
{
    struct blocker *blocker = arg;
    (void)task;
    crew_block();
    crew_block();
    atomic_fetch_add(blocker->entered, 1);
    while (sem_wait(blocker->leave) != 0) {
    }
    crew_unblock();
    crew_unblock();
    atomic_fetch_add(blocker->left, 1);
    return TASK_END;
}

enum { BLOCKERS = 10 };

struct blockers {
    sem_t leave;
    atomic_uint entered, left;
    struct blocker blocker;
};

static void start_blockers(struct crew *crew, struct blockers *blockers, unsigned count)
{
    cr_assert_eq(sem_init(&blockers->leave, 0, 0), 0);
    blockers->blocker = (struct blocker){&blockers->leave, &blockers->entered, &blockers->left};
    for (unsigned i = 0; i < count; i++)
        task_start(task_new(crew, run_blocker, &blockers->blocker), TASK_RUN_NOW);
}

static void let_go(struct blockers *blockers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(sem_post(&blockers->leave), 0);
}

static void blocked_beside_others(struct crew *crew)
{
    struct echo echo = {.seed = 1};
    struct blockers blockers = {0};
    start_echo(crew, &echo, TASK_RUN_NOW);
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, BLOCKERS), BLOCKERS);
    cr_assert(ask(&echo));
    let_go(&blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.left, BLOCKERS), BLOCKERS);
    for (unsigned i = 0; i < 50; i++)
        cr_assert(ask(&echo));
    leave(&echo);
    cr_assert(all_end(crew));
    sem_destroy(&blockers.leave);
}

Test(crew_block, tasks_that_block_hold_up_no_others)
{
    each_way(blocked_beside_others);
}

static unsigned threads_fall_to(struct crew *crew, unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(PATIENCE_MS);
    while (crew_count(crew).threads > wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return crew_count(crew).threads;
}

/* Has each thread that is one too many do something, since only then it looks. */
Test(crew_block, threads_that_are_not_needed_any_more_go)
{
    struct crew *crew = make(CREW_PARK_USUAL, 2, 0);
    struct blockers blockers = {0};
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    start_sleeper(crew, &sleeper);
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, BLOCKERS), BLOCKERS);
    cr_assert_eq(crew_count(crew).blocked, BLOCKERS);
    let_go(&blockers, BLOCKERS);
    cr_assert_eq(threads_fall_to(crew, 2), 2);
    cr_assert_eq(crew_count(crew).blocked, 0);
    end_sleeper(&sleeper);
    cr_assert(all_end(crew));
    crew_free(crew);
    sem_destroy(&blockers.leave);
}

static void more_than_threads(enum crew_parking parking)
{
    struct crew *crew = make(parking, 1, 3);
    struct blockers blockers = {0};
    start_blockers(crew, &blockers, BLOCKERS);
    cr_assert_eq(rise_to(&blockers.entered, 3), 3);
    pause_ms(5);
    cr_assert_eq(atomic_load(&blockers.entered), 3);
    for (unsigned i = 1; i <= BLOCKERS; i++) {
        let_go(&blockers, 1);
        cr_assert_eq(rise_to(&blockers.left, i), i);
    }
    cr_assert(all_end(crew));
    crew_free(crew);
    sem_destroy(&blockers.leave);
}

Test(crew_block, more_blocked_tasks_than_threads_run_one_after_another)
{
    more_than_threads(CREW_PARK_USUAL);
    more_than_threads(CREW_PARK_ALWAYS);
    more_than_threads(CREW_PARK_NEVER);
}

Test(crew_block, blocking_means_nothing_on_other_threads)
{
    crew_block();
    crew_unblock();
}

static void note_error(void *arg, int error)
{
    *(int *)arg = error;
}

/* A pool whose threads need a stack larger than the address space: none can be started. */
Test(crew_block, a_task_without_a_thread_runs_at_a_later_call)
{
    struct crew *crew = make(CREW_PARK_USUAL, 1, 0);
    struct threads *good = crew->pool;
    struct sleeper sleepers[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                                  {.lock = PTHREAD_MUTEX_INITIALIZER}};
    int error = 0;
    crew->no_thread = note_error;
    crew->arg = &error;
    crew->pool = threads_new(SIZE_MAX / 16 * 15, 1, 1000);
    cr_assert_not_null(crew->pool);
    start_sleeper(crew, &sleepers[0]);
    end_sleeper(&sleepers[0]);
    cr_assert_eq(crew_count(crew).threads, 0);
    cr_assert_neq(error, 0, "the owner is notified");
    threads_free(crew->pool);
    crew->pool = good;
    start_sleeper(crew, &sleepers[1]);
    cr_assert_eq(rise_to(&sleepers[0].runs, 1), 1);
    end_sleeper(&sleepers[1]);
    cr_assert(all_end(crew));
    crew_free(crew);
}

/* The daemon's first thread is there before its first connection: it would wait for another one, if
 * the system had no thread for it. */
Test(crew_block, a_crew_that_has_begun_needs_no_thread_later)
{
    struct crew *crew = make(CREW_PARK_USUAL, 2, 0);
    struct threads *good = crew->pool;
    struct sleeper sleeper = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int error = 0;
    crew->no_thread = note_error;
    crew->arg = &error;
    crew->pool = threads_new(SIZE_MAX / 16 * 15, 1, 1000);
    cr_assert_not_null(crew->pool);
    cr_assert_not(crew_begin(crew));
    cr_assert_neq(error, 0, "the owner is notified");
    cr_assert_eq(crew_count(crew).threads, 0);
    struct threads *bad = crew->pool;
    crew->pool = good;
    cr_assert(crew_begin(crew));
    cr_assert_eq(crew_count(crew).threads, 1);
    crew->pool = bad;
    start_sleeper(crew, &sleeper);
    set_deadline(&sleeper, DEADLINE_NEVER);
    end_sleeper(&sleeper);
    cr_assert(all_end(crew));
    crew->pool = good;
    threads_free(bad);
    crew_free(crew);
}
