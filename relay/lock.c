#include "relay/lock.h"

#include "relay/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lock_must_succeed(int error)
{
    char text[128];
    if (!error)
        return;
    dprintf(STDERR_FILENO, "actpass: a lock failed: %s\n", strerror_r(error, text, sizeof(text)));
    abort();
}

bool lock_sleep(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_us)
{
    int error;
    if (deadline_us == DEADLINE_NEVER) {
        error = pthread_cond_wait(condition, lock);
    } else {
        struct timespec until = clock_absolute(deadline_us);
        error = pthread_cond_timedwait(condition, lock, &until);
    }
    if (error == ETIMEDOUT)
        return true;
    lock_must_succeed(error);
    return false;
}

void lock_signal(pthread_cond_t *condition)
{
    lock_must_succeed(pthread_cond_signal(condition));
}

void lock_broadcast(pthread_cond_t *condition)
{
    lock_must_succeed(pthread_cond_broadcast(condition));
}
