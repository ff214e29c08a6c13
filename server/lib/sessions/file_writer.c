/* Changes that arrive while the thread waits for other processes are written together. */
#include "server/lib/sessions/file_writer.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { MAX_QUEUED = 256, WRITER_STACK = 128 * 1024 };

struct job {
    struct file_change *change;
    bool done, abandoned; /* whichever is set last frees it */
    int result;
};

struct file_writer {
    int (*write)(void *arg, struct file_change *const *changes, size_t count);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;   /* guards what follows; nothing is written under it */
    pthread_cond_t arrived; /* for the thread */
    pthread_cond_t written; /* for callers that wait */
    struct job *queue[MAX_QUEUED];
    size_t count;
    bool stop, stopped;
};

static void free_job(struct job *job)
{
    OPENSSL_clear_free(job->change, sizeof(*job->change) + job->change->size);
    free(job);
}

static void write_jobs(struct file_writer *writer, struct job *const *jobs, size_t count)
{
    struct file_change *changes[MAX_QUEUED];
    for (size_t i = 0; i < count; i++)
        changes[i] = jobs[i]->change;
    int result = writer->write(writer->arg, changes, count);
    lock_take(&writer->lock);
    for (size_t i = 0; i < count; i++) {
        jobs[i]->result = result;
        jobs[i]->done = true;
        if (jobs[i]->abandoned)
            free_job(jobs[i]);
    }
    lock_broadcast(&writer->written);
    lock_release(&writer->lock);
}

/* Takes all queued jobs. 0: stop. */
static size_t take_jobs(struct file_writer *writer, struct job **jobs)
{
    lock_take(&writer->lock);
    while (writer->count == 0 && !writer->stop)
        (void)lock_sleep(&writer->arrived, &writer->lock, DEADLINE_NEVER);
    size_t count = writer->count;
    for (size_t i = 0; i < count; i++)
        jobs[i] = writer->queue[i];
    writer->count = 0;
    if (count == 0) {
        writer->stopped = true;
        lock_broadcast(&writer->written);
    }
    lock_release(&writer->lock);
    return count;
}

static void *run(void *arg)
{
    struct file_writer *writer = arg;
    struct job *jobs[MAX_QUEUED];
    for (size_t count; (count = take_jobs(writer, jobs)) > 0;)
        write_jobs(writer, jobs, count);
    return NULL;
}

/* The thread blocks all signals; the program's own threads receive them. */
static int start(struct file_writer *writer)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error)
        return error;
    error = pthread_attr_setstacksize(&attributes, WRITER_STACK);
    sigfillset(&all);
    if (!error)
        error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!error) {
        error = pthread_create(&writer->thread, &attributes, run, writer);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return error;
}

static void destroy(struct file_writer *writer)
{
    pthread_cond_destroy(&writer->written);
    pthread_cond_destroy(&writer->arrived);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct file_writer *file_writer_new(int (*write)(void *arg, struct file_change *const *changes,
                                                 size_t count),
                                    void *arg)
{
    struct file_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->write = write;
    writer->arg = arg;
    if (pthread_mutex_init(&writer->lock, NULL))
        goto out_writer;
    if (pthread_cond_init(&writer->arrived, NULL))
        goto out_lock;
    if (clock_init_cond(&writer->written))
        goto out_arrived;
    if (start(writer) == 0)
        return writer;
    pthread_cond_destroy(&writer->written);
out_arrived:
    pthread_cond_destroy(&writer->arrived);
out_lock:
    pthread_mutex_destroy(&writer->lock);
out_writer:
    free(writer);
    return NULL;
}

/* The thread may be inside LMDB, waiting for another process without a limit. */
bool file_writer_free(struct file_writer *writer, int64_t deadline_us)
{
    if (!writer)
        return true;
    bool late = false;
    lock_take(&writer->lock);
    writer->stop = true;
    lock_signal(&writer->arrived);
    while (!writer->stopped && !late)
        late = lock_sleep(&writer->written, &writer->lock, deadline_us);
    bool stopped = writer->stopped;
    writer->stop = stopped;
    lock_release(&writer->lock);
    if (!stopped)
        return false;
    pthread_join(writer->thread, NULL);
    destroy(writer);
    return true;
}

/* The job's result, or ETIMEDOUT. */
static int wait_for(struct file_writer *writer, const struct job *job, int64_t deadline_us)
{
    bool late = false;
    while (!job->done && !late)
        late = lock_sleep(&writer->written, &writer->lock, deadline_us);
    return job->done ? job->result : ETIMEDOUT;
}

int file_writer_run(struct file_writer *writer, struct file_change *change, int64_t deadline_us)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job) {
        OPENSSL_clear_free(change, sizeof(*change) + change->size);
        return ENOMEM;
    }
    job->change = change;
    lock_take(&writer->lock);
    bool full = writer->count == MAX_QUEUED;
    int result = EBUSY;
    if (!full) {
        writer->queue[writer->count++] = job;
        lock_signal(&writer->arrived);
        result = wait_for(writer, job, deadline_us);
        job->abandoned = true;
    }
    bool ours = full || job->done;
    lock_release(&writer->lock);
    if (ours)
        free_job(job);
    return result;
}
