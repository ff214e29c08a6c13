#include "relay/threads.h"

#include "relay/clock.h"
#include "tests/support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STACK = 256 * 1024, LONG_MS = 60000 };

struct gate {
    sem_t entered, leave;
    atomic_uint runs;
};

static void gate_init(struct gate *gate)
{
    cr_assert_eq(sem_init(&gate->entered, 0, 0), 0);
    cr_assert_eq(sem_init(&gate->leave, 0, 0), 0);
    atomic_store(&gate->runs, 0);
}

static void gate_destroy(struct gate *gate)
{
    sem_destroy(&gate->entered);
    sem_destroy(&gate->leave);
}

static void wait_sem(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        cr_assert_eq(errno, EINTR);
}

/* How many threads have run a job and have not ended. */
static atomic_uint alive;
static pthread_key_t ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void note_end(void *arg)
{
    (void)arg;
    atomic_fetch_sub(&alive, 1);
}

static void make_key(void)
{
    if (pthread_key_create(&ends, note_end) != 0)
        abort();
}

static void count_this_thread(void)
{
    pthread_once(&once, make_key);
    if (pthread_getspecific(ends))
        return;
    atomic_fetch_add(&alive, 1);
    if (pthread_setspecific(ends, &alive) != 0)
        abort();
}

/* Says that it runs, and stays until it is let go. */
static void stay(void *arg)
{
    struct gate *gate = arg;
    count_this_thread();
    atomic_fetch_add(&gate->runs, 1);
    sem_post(&gate->entered);
    while (sem_wait(&gate->leave) != 0) {
    }
}

static void note(void *arg)
{
    struct gate *gate = arg;
    count_this_thread();
    atomic_fetch_add(&gate->runs, 1);
    sem_post(&gate->entered);
}

/* Waits until no more than WANTED are alive. Returns how many are. */
static unsigned fall_to(unsigned wanted)
{
    int64_t deadline_us = clock_deadline_ms(10000);
    while (atomic_load(&alive) > wanted && clock_now_us() < deadline_us)
        pause_ms(1);
    return atomic_load(&alive);
}

Test(threads, free_takes_null)
{
    threads_free(NULL);
}

Test(threads, a_new_pool_has_no_thread)
{
    struct resources before = resources_now();
    struct threads *threads = threads_new(STACK, 4, LONG_MS);
    cr_assert_not_null(threads);
    cr_assert(resources_return_to(before));
    threads_free(threads);
}

Test(threads, free_waits_for_every_job)
{
    struct gate gate;
    gate_init(&gate);
    struct threads *threads = threads_new(STACK, 4, LONG_MS);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(threads_run(threads, note, &gate), 0);
    threads_free(threads);
    cr_assert_eq(atomic_load(&gate.runs), 20);
    gate_destroy(&gate);
}

Test(threads, jobs_run_at_the_same_time)
{
    struct gate gate;
    gate_init(&gate);
    struct threads *threads = threads_new(STACK, 4, LONG_MS);
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(threads_run(threads, stay, &gate), 0);
    for (unsigned i = 0; i < 8; i++)
        wait_sem(&gate.entered);
    cr_assert_eq(atomic_load(&alive), 8);
    for (unsigned i = 0; i < 8; i++)
        sem_post(&gate.leave);
    cr_assert_eq(fall_to(4), 4, "four are kept");
    threads_free(threads);
    cr_assert_eq(atomic_load(&alive), 0, "each was joined");
    gate_destroy(&gate);
}

/* A job that has posted is not idle yet, so now and then a second thread is made. */
Test(threads, a_finished_thread_takes_the_next_job)
{
    struct gate gate;
    gate_init(&gate);
    struct threads *threads = threads_new(STACK, 4, LONG_MS);
    for (unsigned i = 0; i < 1000; i++) {
        cr_assert_eq(threads_run(threads, note, &gate), 0);
        wait_sem(&gate.entered);
    }
    unsigned left = fall_to(4);
    cr_assert(left >= 1 && left <= 4, "%u", left);
    cr_assert_eq(atomic_load(&gate.runs), 1000);
    threads_free(threads);
    gate_destroy(&gate);
}

Test(threads, idle_threads_end_after_their_time)
{
    struct gate gate;
    gate_init(&gate);
    struct threads *threads = threads_new(STACK, 8, 20);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(threads_run(threads, stay, &gate), 0);
    for (unsigned i = 0; i < 5; i++) {
        wait_sem(&gate.entered);
        sem_post(&gate.leave);
    }
    cr_assert_eq(fall_to(0), 0);
    cr_assert_eq(threads_run(threads, note, &gate), 0, "and the pool goes on");
    wait_sem(&gate.entered);
    threads_free(threads);
    gate_destroy(&gate);
}

Test(threads, none_is_kept_where_none_is_wanted)
{
    struct gate gate;
    gate_init(&gate);
    struct threads *threads = threads_new(STACK, 0, LONG_MS);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(threads_run(threads, note, &gate), 0);
    for (unsigned i = 0; i < 5; i++)
        wait_sem(&gate.entered);
    cr_assert_eq(fall_to(0), 0);
    threads_free(threads);
    gate_destroy(&gate);
}

struct chain {
    struct threads *threads;
    atomic_uint left;
    sem_t done;
};

static void run_next(void *arg)
{
    struct chain *chain = arg;
    if (atomic_fetch_sub(&chain->left, 1) == 1) {
        sem_post(&chain->done);
        return;
    }
    if (threads_run(chain->threads, run_next, chain) != 0)
        sem_post(&chain->done);
}

Test(threads, a_job_may_start_another)
{
    struct chain chain = {.threads = threads_new(STACK, 2, LONG_MS)};
    atomic_store(&chain.left, 300);
    cr_assert_eq(sem_init(&chain.done, 0, 0), 0);
    cr_assert_eq(threads_run(chain.threads, run_next, &chain), 0);
    wait_sem(&chain.done);
    cr_assert_eq(atomic_load(&chain.left), 0);
    threads_free(chain.threads);
    sem_destroy(&chain.done);
}

static void count_down(void *arg)
{
    atomic_uint *left = arg;
    atomic_fetch_sub(left, 1);
}

struct starter {
    struct threads *threads;
    atomic_uint left, failed;
};

static void *start_many(void *arg)
{
    struct starter *starter = arg;
    for (unsigned i = 0; i < 300; i++)
        if (threads_run(starter->threads, count_down, &starter->left) != 0)
            atomic_fetch_add(&starter->failed, 1);
    return NULL;
}

/* Short times and few kept, so that threads end, are joined and are made all the time. */
Test(threads, many_threads_may_start_jobs, .timeout = 60)
{
    struct starter starter = {.threads = threads_new(STACK, 2, 1)};
    atomic_store(&starter.left, 1200);
    atomic_store(&starter.failed, 0);
    pthread_t callers[4];
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&callers[i], NULL, start_many, &starter), 0);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(callers[i], NULL), 0);
    threads_free(starter.threads);
    cr_assert_eq(atomic_load(&starter.failed), 0);
    cr_assert_eq(atomic_load(&starter.left), 0);
}

static void read_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
}

Test(threads, signals_stay_with_the_application)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigset_t ours;
    struct threads *threads = threads_new(STACK, 1, LONG_MS);
    cr_assert_eq(threads_run(threads, read_mask, &mask), 0);
    threads_free(threads);
    cr_assert_eq(sigismember(&mask, SIGTERM), 1);
    cr_assert_eq(sigismember(&mask, SIGUSR1), 1);
    cr_assert_eq(sigismember(&mask, SIGSEGV), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    cr_assert_eq(sigismember(&ours, SIGTERM), 0, "the caller's mask is as before");
}

static void read_stack_size(void *arg)
{
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        (void)pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    *(size_t *)arg = size;
}

Test(threads, stack_has_the_size_asked_for)
{
    size_t size = 0;
    struct threads *threads = threads_new(STACK + 1, 1, LONG_MS);
    cr_assert_eq(threads_run(threads, read_stack_size, &size), 0);
    threads_free(threads);
    cr_assert_geq(size, STACK + 1);
    cr_assert_lt(size, 4 << 20, "not the system's default; sanitizers add some");
}

Test(threads, a_stack_too_small_becomes_the_smallest)
{
    struct threads *threads = threads_new(1, 1, LONG_MS);
    cr_assert_not_null(threads);
    threads_free(threads);
    cr_assert_null(threads_new(SIZE_MAX, 1, LONG_MS), "and one too large is refused");
}

Test(threads, a_failed_start_leaves_the_pool_usable)
{
    struct gate gate;
    gate_init(&gate);
    /* A stack larger than the address space: pthread_create answers EAGAIN or ENOMEM. */
    struct threads *threads = threads_new(SIZE_MAX / 16 * 15, 1, LONG_MS);
    cr_assert_not_null(threads);
    cr_assert_neq(threads_run(threads, note, &gate), 0);
    threads_free(threads); /* which waits for no thread that was never made */
    cr_assert_eq(atomic_load(&gate.runs), 0, "the job was not run");
    gate_destroy(&gate);
}
