#include "server/daemon/crew/timers.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Deadlines within the same millisecond need one wake-up only. */
enum { GRAIN_US = 1000 };

int timers_init(struct timers *timers)
{
    *timers = (struct timers){.programmed_us = DEADLINE_NEVER};
    timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timers->fd < 0)
        return errno;
    int error = pthread_mutex_init(&timers->lock, NULL);
    if (error != 0)
        close(timers->fd);
    return error;
}

void timers_destroy(struct timers *timers)
{
    pthread_mutex_destroy(&timers->lock);
    close(timers->fd);
    free(timers->heap);
}

int timers_reserve(struct timers *timers, size_t count)
{
    int error = 0;
    lock_take(&timers->lock);
    if (count > timers->capacity) {
        struct timer **heap = reallocarray(timers->heap, count, sizeof(struct timer *));
        if (heap) {
            timers->heap = heap;
            timers->capacity = count;
        } else {
            error = ENOMEM;
        }
    }
    lock_release(&timers->lock);
    return error;
}

void timer_init(struct timer *timer)
{
    atomic_store(&timer->deadline_us, DEADLINE_NEVER);
    atomic_store(&timer->armed_us, DEADLINE_NEVER);
}

/* The time in the heap. */
static int64_t time_of(const struct timer *timer)
{
    return atomic_load_explicit(&timer->armed_us, memory_order_relaxed);
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    while (place > 0) {
        struct timer *parent = timers->heap[(place - 1) / 2];
        if (time_of(parent) <= time_of(timer))
            break;
        put(timers, place, parent);
        place = (place - 1) / 2;
    }
    put(timers, place, timer);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            time_of(timers->heap[child + 1]) < time_of(timers->heap[child]))
            child++;
        if (time_of(timer) <= time_of(timers->heap[child]))
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

/* Sets the timerfd if the earliest time is earlier than the one that it is set to. */
static void program(struct timers *timers)
{
    if (timers->count == 0)
        return;
    int64_t first_us = time_of(timers->heap[0]);
    if (first_us < 1)
        first_us = 1; /* 0 would switch the timerfd off */
    if (first_us <= DEADLINE_NEVER - GRAIN_US)
        first_us = (first_us + GRAIN_US - 1) / GRAIN_US * GRAIN_US;
    if (first_us >= timers->programmed_us)
        return;
    struct itimerspec when = {.it_value = clock_absolute(first_us)};
    int result = timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &when, NULL);
    lock_must_succeed(result == 0 ? 0 : errno);
    timers->programmed_us = first_us;
}

/* Gives the timer its deadline as its time in the heap, if that is earlier. With the lock held. */
static void arm(struct timers *timers, struct timer *timer)
{
    int64_t deadline_us = atomic_load(&timer->deadline_us);
    int64_t armed_us = time_of(timer);
    if (deadline_us >= armed_us)
        return;
    if (armed_us == DEADLINE_NEVER)
        timer->place = timers->count++;
    atomic_store(&timer->armed_us, deadline_us);
    sift_up(timers, timer);
}

/* The owner stores the deadline, then looks at the time in the heap; timers_expire takes that away,
 * then looks at the deadline. So at least one of them sees what the other one has stored. */
void timers_set(struct timers *timers, struct timer *timer, int64_t deadline_us)
{
    if (deadline_us == atomic_load_explicit(&timer->deadline_us, memory_order_relaxed))
        return;
    atomic_store(&timer->deadline_us, deadline_us);
    if (deadline_us >= atomic_load(&timer->armed_us))
        return;
    lock_take(&timers->lock);
    arm(timers, timer);
    program(timers);
    lock_release(&timers->lock);
}

/* With the lock held. */
static void take_out(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last = timers->heap[--timers->count];
    atomic_store(&timer->armed_us, DEADLINE_NEVER);
    if (last == timer)
        return;
    put(timers, place, last);
    sift_up(timers, last);
    sift_down(timers, last);
}

void timers_remove(struct timers *timers, struct timer *timer)
{
    lock_take(&timers->lock);
    if (time_of(timer) != DEADLINE_NEVER)
        take_out(timers, timer);
    lock_release(&timers->lock);
}

void timers_expire(struct timers *timers, int64_t now_us,
                   void (*expired)(struct timer *timer, void *arg), void *arg)
{
    lock_take(&timers->lock);
    timers->programmed_us = DEADLINE_NEVER;
    while (timers->count > 0 && time_of(timers->heap[0]) <= now_us) {
        struct timer *first = timers->heap[0];
        take_out(timers, first);
        if (atomic_load(&first->deadline_us) <= now_us)
            expired(first, arg);
        else
            arm(timers, first);
    }
    program(timers);
    lock_release(&timers->lock);
}
