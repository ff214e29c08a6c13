/* Deadlines of many timers in one heap, with one timerfd for the earliest of them.
 *
 * A deadline that becomes later costs one atomic store: the heap keeps the earlier time, and looks
 * at the deadline when that time comes. A deadline that becomes earlier costs O(log n) under a
 * lock.
 *
 * Threads: timers_set and timers_remove of one timer are for one thread at a time, its owner's;
 * those of different timers, and the other functions, any thread. */
#ifndef ACTPASS_SERVER_CREW_TIMERS_H
#define ACTPASS_SERVER_CREW_TIMERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Part of what it is for. */
struct timer {
    _Atomic int64_t deadline_us; /* DEADLINE_NEVER: none. Stays when it has passed */
    _Atomic int64_t armed_us;    /* its time in the heap; DEADLINE_NEVER: it is not there */
    size_t place;                /* in the heap; guarded by the lock */
};

struct timers {
    int fd; /* constant: a timerfd, readable (an edge, which needs no read) when timers_expire is
               to be called */
    pthread_mutex_t lock; /* guards all that follows */
    struct timer **heap;
    size_t count, capacity;
    int64_t programmed_us; /* when fd becomes readable; DEADLINE_NEVER: not at all */
};

/* Returns 0, or an errno: then nothing is to be freed. */
int timers_init(struct timers *timers);

/* All timers must have been removed. */
void timers_destroy(struct timers *timers);

/* Makes room for COUNT timers in all, so that timers_set cannot fail. Returns 0, or ENOMEM. */
int timers_reserve(struct timers *timers, size_t count);

/* Prepares a timer without a deadline. */
void timer_init(struct timer *timer);

/* Replaces the deadline. The same deadline again does nothing, also after it has passed. */
void timers_set(struct timers *timers, struct timer *timer, int64_t deadline_us);

/* Takes a timer out: `expired` is not called for it from here on. */
void timers_remove(struct timers *timers, struct timer *timer);

/* Calls EXPIRED for each timer whose deadline is NOW_US or earlier, once for each deadline; in a
 * race with timers_set perhaps twice. EXPIRED is called with the lock held, so it must not call
 * functions of timers. */
void timers_expire(struct timers *timers, int64_t now_us,
                   void (*expired)(struct timer *timer, void *arg), void *arg);

#endif
