/* Who waits for what, and who must be woken. Stands on state.h only.
 *
 * Four kinds of sleepers: the thread inside poll (woken by the eventfd), conversation threads that
 * follow (condition `arrived`), the parked relay thread (condition `parked`), and the pool's thread
 * that is to become the relay thread. Conditions are signalled at once, under the lock. The other
 * two take a system call: they become due under the lock, and are performed after it is released.
 *
 * No wake-up is lost, since the lock is released in four ways only, and each looks after what is
 * due: wake_unlock and wake_sleep perform it, relay_unlock and state_sleep abort a debug build. */
#ifndef ACTPASS_RELAY_WAKE_H
#define ACTPASS_RELAY_WAKE_H

#include "relay/state.h"

/* ---- With the lock held -------------------------------------------------------------------- */

/* Is one of WANT true now (enum relay_want)? */
bool wake_is_ready(struct relay *relay, unsigned want);

/* Something that a wait may be for has changed: wakes the followers, and the thread inside poll if
 * what it waits for is there. */
void wake_waiters(struct relay *relay);

/* Wakes the thread inside poll, so that it looks at the state again. */
void wake_poller(struct relay *relay);

/* Wakes the thread inside poll if it should now poll for more, or send. */
void wake_if_events_changed(struct relay *relay);

/* Wakes the parked relay thread, so that it looks at the state again. */
void wake_relay_thread(struct relay *relay);

/* A thread of the pool is to become the relay thread. */
void wake_call_thread(struct relay *relay);

/* Releases the lock, and performs what is due. */
void wake_unlock(struct relay *relay);

/* Sleeps on the condition, at most until the deadline; true: that has passed. If something is due,
 * performs it instead of sleeping. The lock was released in either case, so the caller looks at the
 * state again. */
bool wake_sleep(struct relay *relay, pthread_cond_t *condition, int64_t deadline_us);

/* ---- Without the lock ---------------------------------------------------------------------- */

/* Has a thread of the pool run driver.thread_main, with a reference of its own; the state is
 * THREAD_ATTACHED already. 0, or an errno: then the state is THREAD_AWAY, and a later call tries
 * again. */
int wake_start_thread(struct relay *relay);

int wake_make_fd(void); /* or -1 */

/* Empties the eventfd: before the state is read again, or a wake-up is lost (hazard 8). */
void wake_drain(int fd);

#endif
