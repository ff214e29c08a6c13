/* Wake-ups: what the waiting threads wait for, and how they are woken. Uses state.h only.
 *
 * Four kinds of threads wait: the poller, which runs the loop and sleeps in poll (woken by the
 * eventfd); conversation threads that follow it (condition `arrived`); the parked relay thread
 * (condition `parked`); and a thread of the pool that is to become the relay thread. Conditions are
 * signalled at once, under the lock. The other two need a system call: they become due under the
 * lock, and are performed after it is released.
 *
 * No wake-up is lost, since the lock is released in four ways only: wake_unlock and wake_sleep
 * perform what is due, relay_unlock and state_sleep abort a debug build if something is. */
#ifndef ACTPASS_RELAY_WAKE_H
#define ACTPASS_RELAY_WAKE_H

#include "relay/state.h"

/* ---- With the lock held -------------------------------------------------------------------- */

/* Is one condition of WANT true now (enum relay_want)? */
bool wake_is_ready(struct relay *relay, unsigned want);

/* After a change that a wait may be for: wakes the followers, and the poller if a condition that it
 * waits for is true. */
void wake_waiters(struct relay *relay);

/* Wakes the poller, so that it looks at the state again. */
void wake_poller(struct relay *relay);

/* Wakes the poller if it should now poll for more events, or send. */
void wake_if_events_changed(struct relay *relay);

/* Wakes the parked relay thread, so that it looks at the state again. */
void wake_relay_thread(struct relay *relay);

/* Makes it due that a thread of the pool becomes the relay thread. */
void wake_call_thread(struct relay *relay);

/* Releases the lock, then performs what is due. */
void wake_unlock(struct relay *relay);

/* Sleeps on the condition until the deadline at the latest; returns true if that has passed. If
 * something is due, performs it instead of sleeping. The lock was released in either case, so the
 * caller must look at the state again. */
bool wake_sleep(struct relay *relay, pthread_cond_t *condition, int64_t deadline_us);

/* ---- Without the lock ---------------------------------------------------------------------- */

/* Runs driver.thread_main on a thread of the pool. The state is THREAD_ATTACHED already, and the
 * thread's reference is counted. Returns 0, or an errno: then the state is THREAD_AWAY, and a later
 * call tries again. */
int wake_start_thread(struct relay *relay);

int wake_make_fd(void); /* or -1 */

/* Empties the eventfd. Must come before the state is read again, or a wake-up is lost (hazard 8).
 */
void wake_drain(int fd);

#endif
