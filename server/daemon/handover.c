#include "server/daemon/handover.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum state { STATE_NOTHING, STATE_GIVEN, STATE_TAKEN, STATE_DONE };

struct handover {
    int fd; /* constant */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* guarded by lock, as are the next */
    enum state state;
    void *what; /* GIVEN: the thing */
};

static int make_locks(struct handover *handover)
{
    int error = pthread_mutex_init(&handover->lock, NULL);
    if (error != 0)
        return error;
    error = clock_init_cond(&handover->changed);
    if (error != 0)
        (void)pthread_mutex_destroy(&handover->lock);
    return error;
}

struct handover *handover_new(void)
{
    struct handover *handover = calloc(1, sizeof(*handover));
    if (!handover)
        return NULL;
    handover->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (handover->fd < 0)
        goto out_memory;
    int error = make_locks(handover);
    if (error == 0)
        return handover;
    close(handover->fd);
    errno = error;
out_memory:
    free(handover);
    return NULL;
}

void handover_free(struct handover *handover)
{
    if (!handover)
        return;
    (void)pthread_cond_destroy(&handover->changed);
    (void)pthread_mutex_destroy(&handover->lock);
    close(handover->fd);
    free(handover);
}

/* The lock is held. */
static bool is_waiting(const struct handover *handover)
{
    return handover->state == STATE_TAKEN || (handover->state == STATE_GIVEN && !handover->closed);
}

bool handover_give(struct handover *handover, void *what)
{
    uint64_t one = 1;
    lock_take(&handover->lock);
    handover->state = STATE_GIVEN;
    handover->what = what;
    ssize_t written = write(handover->fd, &one, sizeof(one));
    (void)written; /* fails only after 2^64 that were not taken */
    while (is_waiting(handover))
        (void)lock_sleep(&handover->changed, &handover->lock, DEADLINE_NEVER);
    bool done = handover->state == STATE_DONE;
    handover->state = STATE_NOTHING;
    lock_release(&handover->lock);
    return done;
}

int handover_fd(const struct handover *handover)
{
    return handover->fd;
}

void *handover_take(struct handover *handover)
{
    uint64_t count;
    void *what = NULL;
    lock_take(&handover->lock);
    if (handover->state == STATE_GIVEN && !handover->closed) {
        ssize_t got = read(handover->fd, &count, sizeof(count));
        (void)got; /* cannot fail: it was written */
        what = handover->what;
        handover->state = STATE_TAKEN;
    }
    lock_release(&handover->lock);
    return what;
}

void handover_done(struct handover *handover)
{
    lock_take(&handover->lock);
    handover->state = STATE_DONE;
    lock_broadcast(&handover->changed);
    lock_release(&handover->lock);
}

void handover_close(struct handover *handover)
{
    lock_take(&handover->lock);
    handover->closed = true;
    lock_broadcast(&handover->changed);
    lock_release(&handover->lock);
}
