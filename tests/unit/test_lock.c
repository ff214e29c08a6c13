/* Checked locks: what succeeds, and that an error aborts. */
#include "relay/clock.h"
#include "relay/lock.h"

#include <criterion/criterion.h>
#include <signal.h>

/* A lock that reports errors, which one of the default kind need not do. */
static pthread_mutex_t checking_lock(void)
{
    pthread_mutex_t lock;
    pthread_mutexattr_t attributes;
    cr_assert_eq(pthread_mutexattr_init(&attributes), 0);
    cr_assert_eq(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
    cr_assert_eq(pthread_mutex_init(&lock, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
    return lock;
}

Test(lock, taken_and_released, .timeout = 20)
{
    pthread_mutex_t lock = checking_lock();
    lock_take(&lock);
    cr_assert_neq(pthread_mutex_trylock(&lock), 0, "it is taken");
    lock_release(&lock);
    cr_assert_eq(pthread_mutex_trylock(&lock), 0, "it is free");
}

Test(lock, a_second_take_aborts, .timeout = 20, .signal = SIGABRT)
{
    pthread_mutex_t lock = checking_lock();
    lock_take(&lock);
    lock_take(&lock);
}

#if !defined(__SANITIZE_THREAD__) /* which reports the misuse by itself */
Test(lock, a_release_without_a_take_aborts, .timeout = 20, .signal = SIGABRT)
{
    pthread_mutex_t lock = checking_lock();
    lock_release(&lock);
}
#endif

Test(lock, a_sleep_ends_at_its_deadline, .timeout = 20)
{
    pthread_mutex_t lock = checking_lock();
    pthread_cond_t condition;
    cr_assert_eq(clock_init_cond(&condition), 0);
    lock_take(&lock);
    int64_t deadline_us = clock_deadline_ms(20);
    while (!lock_sleep(&condition, &lock, deadline_us))
        ;
    cr_assert_geq(clock_now_us(), deadline_us);
    lock_release(&lock);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t condition;
    int woken;
    bool may;
};

static void *wait_until_it_may(void *arg)
{
    struct waiter *waiter = arg;
    lock_take(&waiter->lock);
    while (!waiter->may)
        (void)lock_sleep(&waiter->condition, &waiter->lock, DEADLINE_NEVER);
    waiter->woken++;
    lock_release(&waiter->lock);
    return NULL;
}

static void wake_waiters(int count, void (*wake)(pthread_cond_t *condition))
{
    pthread_t threads[2];
    struct waiter waiter = {.lock = checking_lock()};
    cr_assert_eq(clock_init_cond(&waiter.condition), 0);
    for (int i = 0; i < count; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, wait_until_it_may, &waiter), 0);
    lock_take(&waiter.lock);
    waiter.may = true;
    wake(&waiter.condition);
    lock_release(&waiter.lock);
    for (int i = 0; i < count; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(waiter.woken, count);
}

Test(lock, a_signal_wakes_one, .timeout = 20)
{
    wake_waiters(1, lock_signal);
}

Test(lock, a_broadcast_wakes_all, .timeout = 20)
{
    wake_waiters(2, lock_broadcast);
}
