/* Locks and conditions whose results are checked. A failure means an error of this program, such as
 * a lock that was destroyed already: what the lock guards may be wrong, so going on is not safe.
 * These functions then write the reason to stderr, as assert(3) does, and abort. */
#ifndef ACTPASS_RELAY_LOCK_H
#define ACTPASS_RELAY_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Aborts if ERROR, the result of such a call, is not 0. */
void lock_must_succeed(int error);

/* A message takes and releases locks a dozen times: these are worth being inline. */
static inline void lock_take(pthread_mutex_t *lock)
{
    int error = pthread_mutex_lock(lock);
    if (error)
        lock_must_succeed(error);
}

static inline void lock_release(pthread_mutex_t *lock)
{
    int error = pthread_mutex_unlock(lock);
    if (error)
        lock_must_succeed(error);
}

/* Releases the lock until the condition is signalled, perhaps without reason, or the deadline
 * (CLOCK_MONOTONIC, or DEADLINE_NEVER) passes. CONDITION was made by clock_init_cond. Returns true
 * if the deadline has passed. */
bool lock_sleep(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_us);

void lock_signal(pthread_cond_t *condition);    /* wakes one thread */
void lock_broadcast(pthread_cond_t *condition); /* wakes all */

#endif
