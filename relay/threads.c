#include "relay/threads.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* One thread. Guarded by the pool's lock, but for `wake`. */
struct worker {
    struct threads *threads;
    pthread_t thread;
    pthread_cond_t wake; /* its own, so that a job wakes just one thread */
    void (*job)(void *arg);
    void *arg;
    struct worker *newer, *older; /* in the list of idle threads */
};

struct threads {
    pthread_attr_t attributes; /* constant */
    unsigned keep_max;         /* constant */
    int64_t keep_ms;           /* constant */

    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t empty; /* count is 0 */
    struct worker *idle;  /* newest first: its stack and caches are the warmest */
    unsigned idle_count;
    unsigned count;
    struct worker *ended; /* the last thread that ended; the next one that ends joins it */
    bool closing;
};

static int attributes_init(pthread_attr_t *attributes, size_t stack_size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    long min = sysconf(_SC_THREAD_STACK_MIN);
    if (min > 0 && stack_size < (size_t)min)
        stack_size = (size_t)min;
    if (stack_size > SIZE_MAX - page)
        return EINVAL;
    int error = pthread_attr_init(attributes);
    if (error != 0)
        return error;
    error = pthread_attr_setstacksize(attributes, (stack_size + page - 1) / page * page);
    if (error != 0)
        pthread_attr_destroy(attributes);
    return error;
}

struct threads *threads_new(size_t stack_size, unsigned keep_max, int64_t keep_ms)
{
    struct threads *threads = calloc(1, sizeof(*threads));
    if (!threads)
        return NULL;
    threads->keep_max = keep_max;
    threads->keep_ms = keep_ms;
    if (attributes_init(&threads->attributes, stack_size) != 0)
        goto out_free;
    if (pthread_mutex_init(&threads->lock, NULL) != 0)
        goto out_attributes;
    if (pthread_cond_init(&threads->empty, NULL) != 0)
        goto out_lock;
    return threads;

out_lock:
    pthread_mutex_destroy(&threads->lock);
out_attributes:
    pthread_attr_destroy(&threads->attributes);
out_free:
    free(threads);
    return NULL;
}

static void idle_push(struct threads *threads, struct worker *worker)
{
    worker->newer = NULL;
    worker->older = threads->idle;
    if (threads->idle)
        threads->idle->newer = worker;
    threads->idle = worker;
    threads->idle_count++;
}

static void idle_remove(struct threads *threads, struct worker *worker)
{
    if (worker->newer)
        worker->newer->older = worker->older;
    else
        threads->idle = worker->older;
    if (worker->older)
        worker->older->newer = worker->newer;
    threads->idle_count--;
}

/* Returns true if there is another job. threads_run removes the worker from the idle list when it
 * gives it one. With the lock held. */
static bool wait_for_job(struct threads *threads, struct worker *worker)
{
    if (threads->closing || threads->idle_count >= threads->keep_max)
        return false;
    int64_t deadline_us = clock_deadline_ms(threads->keep_ms);
    idle_push(threads, worker);
    bool late = false;
    while (!worker->job && !threads->closing && !late)
        late = lock_sleep(&worker->wake, &threads->lock, deadline_us);
    if (worker->job)
        return true;
    idle_remove(threads, worker);
    return false;
}

static void worker_free(struct worker *worker)
{
    pthread_cond_destroy(&worker->wake);
    free(worker);
}

static void join_and_free(struct worker *worker)
{
    if (worker) {
        (void)pthread_join(worker->thread, NULL); /* cannot fail: joinable, and joined only here */
        worker_free(worker);
    }
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct threads *threads = worker->threads;

    lock_take(&threads->lock);
    worker->thread = pthread_self(); /* pthread_create may store it too late for the joiner */
    do {
        void (*job)(void *) = worker->job;
        void *job_arg = worker->arg;
        worker->job = NULL;
        lock_release(&threads->lock);
        job(job_arg);
        lock_take(&threads->lock);
    } while (wait_for_job(threads, worker));

    struct worker *before = threads->ended;
    threads->ended = worker;
    if (--threads->count == 0)
        lock_signal(&threads->empty);
    lock_release(&threads->lock);
    join_and_free(before);
    return NULL;
}

/* The application's signals are not for our threads. Those that a fault raises must not be blocked.
 */
static int create_with_signals_blocked(struct threads *threads, struct worker *worker)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&blocked, faults[i]);
    int error = pthread_sigmask(SIG_SETMASK, &blocked, &before);
    if (error != 0)
        return error;
    pthread_t thread;
    error = pthread_create(&thread, &threads->attributes, worker_main, worker);
    if (error == EINVAL) /* the application's thread-local data needs a larger stack */
        error = pthread_create(&thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* restores what was valid */
    return error;
}

static int run_on_new_thread(struct threads *threads, void (*job)(void *arg), void *arg)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return ENOMEM;
    worker->threads = threads;
    worker->job = job;
    worker->arg = arg;
    int error = clock_init_cond(&worker->wake);
    if (error != 0) {
        free(worker);
        return error;
    }
    lock_take(&threads->lock);
    threads->count++;
    lock_release(&threads->lock);

    error = create_with_signals_blocked(threads, worker);
    if (error != 0) {
        lock_take(&threads->lock);
        if (--threads->count == 0)
            lock_signal(&threads->empty);
        lock_release(&threads->lock);
        worker_free(worker);
    }
    return error;
}

int threads_run(struct threads *threads, void (*job)(void *arg), void *arg)
{
    lock_take(&threads->lock);
    struct worker *worker = threads->idle;
    if (!worker) {
        lock_release(&threads->lock);
        return run_on_new_thread(threads, job, arg);
    }
    idle_remove(threads, worker);
    worker->job = job;
    worker->arg = arg;
    /* Under the lock: once that is released, the worker may run the job, end and be freed. */
    lock_signal(&worker->wake);
    lock_release(&threads->lock);
    return 0;
}

void threads_free(struct threads *threads)
{
    if (!threads)
        return;
    lock_take(&threads->lock);
    threads->closing = true;
    for (struct worker *worker = threads->idle; worker; worker = worker->older)
        lock_signal(&worker->wake);
    while (threads->count > 0)
        (void)lock_sleep(&threads->empty, &threads->lock, DEADLINE_NEVER);
    struct worker *last = threads->ended;
    lock_release(&threads->lock);

    join_and_free(last); /* which has joined the one before it, and so on */
    pthread_cond_destroy(&threads->empty);
    pthread_mutex_destroy(&threads->lock);
    pthread_attr_destroy(&threads->attributes);
    free(threads);
}
