#include "server/lib/ocsp/ocsp.h"

#include "relay/clock.h"
#include "relay/lock.h"
#include "relay/threads.h"
#include "server/lib/ocsp/internal.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK = 262144, KEEP_MS = 5000 };

struct ocsp *ocsp_new(void)
{
    struct ocsp *ocsp = calloc(1, sizeof(*ocsp));
    if (!ocsp)
        return NULL;
    ocsp->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ocsp->cancel_fd < 0)
        goto out;
    ocsp->threads = threads_new(STACK, QUEUE_THREADS, KEEP_MS);
    if (!ocsp->threads)
        goto out_fd;
    if (pthread_mutex_init(&ocsp->lock, NULL))
        goto out_threads;
    if (clock_init_cond(&ocsp->due) == 0)
        return ocsp;
    pthread_mutex_destroy(&ocsp->lock);
out_threads:
    threads_free(ocsp->threads);
out_fd:
    close(ocsp->cancel_fd);
out:
    free(ocsp);
    return NULL;
}

void ocsp_free(struct ocsp *ocsp)
{
    if (!ocsp)
        return;
    lock_take(&ocsp->lock);
    ocsp->ending = true;
    lock_signal(&ocsp->due);
    lock_release(&ocsp->lock);
    (void)eventfd_write(ocsp->cancel_fd, 1);
    threads_free(ocsp->threads);
    queue_free(&ocsp->queue);
    due_free(&ocsp->schedule);
    entries_free(&ocsp->entries);
    pthread_cond_destroy(&ocsp->due);
    pthread_mutex_destroy(&ocsp->lock);
    close(ocsp->cancel_fd);
    free(ocsp);
}

void ocsp_start(struct ocsp *ocsp)
{
    lock_take(&ocsp->lock);
    if (!ocsp->started)
        ocsp->started = threads_run(ocsp->threads, work_run, ocsp) == 0; /* else at the next call */
    lock_release(&ocsp->lock);
}
