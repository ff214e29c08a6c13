/* The conversation's waits. A thread that must wait runs the I/O loop if no other does, and polls
 * for all. The others follow: they sleep until a condition is true, or until the loop is free and
 * one of them takes it. */
#include "relay/clock.h"
#include "relay/internal.h"

static void enter(struct relay *relay)
{
    if (relay->waiters.calls++ == 0)
        relay->waiters.call_number++;
}

/* The last thread to leave starts a relay thread, since there may be none during a long call, or
 * wakes it if output is left. */
static void leave(struct relay *relay)
{
    if (relay->driver.loop == LOOP_FREE)
        wake_waiters(relay);
    if (--relay->waiters.calls > 0)
        return;
    relay->wake.skip_fd = false; /* it was for a sleep in this call, not for the relay thread's */
    if (relay->state == RELAY_DONE)
        return;
    if (relay->driver.thread == THREAD_AWAY && relay->driver.served == RELAY_BY_THREAD)
        wake_call_thread(relay);
    else if (relay->driver.thread == THREAD_ATTACHED && relay->driver.loop == LOOP_FREE &&
             state_has_output(relay))
        wake_relay_thread(relay);
}

/* May a conversation thread run the loop now? One with extra descriptors must, so it precedes the
 * others. The direct transport has no other thread to run it. */
static bool may_drive(struct relay *relay, nfds_t extras)
{
    if (relay->driver.loop != LOOP_FREE || (extras == 0 && relay->waiters.loop_wanted > 0))
        return false;
    if (relay->options.transport == RELAY_DIRECT)
        return true;
    if (relay->state == RELAY_SNIFF)
        return relay->driver.served == RELAY_BY_CALLER;
    return extras > 0 || state_may(relay, TURN_CONVERSATION_POLLS);
}

/* Sleeps until the thread that runs the loop has something for this one. */
static void follow(struct relay *relay, nfds_t extras, int64_t deadline_us)
{
    struct waiters *waiters = &relay->waiters;
    waiters->followers++;
    if (extras) {
        waiters->loop_wanted++;
        wake_poller(relay);
    }
    if (relay->driver.loop == LOOP_FREE) /* the relay thread is to run it */
        wake_relay_thread(relay);
    (void)wake_sleep(relay, &waiters->arrived, deadline_us);
    if (extras)
        waiters->loop_wanted--;
    waiters->followers--;
}

/* Runs the loop for one turn. True if an extra descriptor has something. */
static bool drive(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                  int64_t deadline_us)
{
    state_set_loop(relay, LOOP_BUSY);
    loop_flush(relay); /* before a sleep in poll, all that can be sent must have been */
    bool sleep = !relay->cancelled && !wake_is_ready(relay, want);
    relay->waiters.awaited = want;
    bool fired = sleep && loop_turn(relay, extra, extras, deadline_us);
    relay->waiters.awaited = 0;
    state_set_loop(relay, LOOP_FREE);
    if (relay->waiters.loop_wanted)
        wake_waiters(relay);
    return fired;
}

bool wait_is_late(int64_t deadline_us)
{
    return deadline_us != DEADLINE_NEVER && clock_now_us() >= deadline_us;
}

/* Looks once, and sleeps once if nothing is ready. Returns true if *result is the wait's result. */
static bool wait_step(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                      int64_t deadline_us, enum relay_wait *result)
{
    *result = WAIT_READY;
    wait_flush(relay);
    if (relay->cancelled) {
        *result = WAIT_CANCELLED;
        return true;
    }
    if (wake_is_ready(relay, want))
        return true;
    if (!may_drive(relay, extras))
        follow(relay, extras, deadline_us);
    else if (drive(relay, want, extra, extras, deadline_us))
        return true;
    if (!wait_is_late(deadline_us))
        return false;
    *result = wake_is_ready(relay, want) ? WAIT_READY : WAIT_TIMEOUT;
    return true;
}

bool wait_renew_credit(struct relay *relay, unsigned want, bool late)
{
    struct input *input = &relay->input;
    if (!(want & (RELAY_READABLE | RELAY_ARRIVED)))
        return true;
    if (!late)
        input->credit = RELAY_INPUT_CREDIT;
    return input->credit > 0;
}

enum relay_wait wait_for(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                         int64_t deadline_us)
{
    enum relay_wait result;
    for (nfds_t i = 0; i < extras; i++)
        extra[i].revents = 0;
    enter(relay);
    bool may_wait = wait_renew_credit(relay, want, wait_is_late(deadline_us));
    while (may_wait && !wait_step(relay, want, extra, extras, deadline_us, &result))
        ;
    if (!may_wait) {
        wait_flush(relay);
        result = relay->cancelled ? WAIT_CANCELLED : WAIT_TIMEOUT;
    }
    leave(relay);
    return result;
}

/* Sends on this thread, unless a test makes the relay thread do it. */
void wait_flush(struct relay *relay)
{
    if (relay->options.transport == RELAY_DIRECT || state_may(relay, TURN_CONVERSATION_SENDS))
        loop_flush(relay);
    else if (relay->driver.loop == LOOP_FREE)
        wake_relay_thread(relay);
    wake_if_events_changed(relay);
}

/* ---- Called by the owner ------------------------------------------------------------------ */

enum relay_wait relay_wait(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                           int64_t deadline_us)
{
    relay_lock(relay);
    enum relay_wait result = wait_for(relay, want, extra, extras, deadline_us);
    wake_unlock(relay);
    return result;
}

/* In RELAY_SNIFF the relay thread runs the loop; with the direct transport, the caller does. */
enum relay_wait relay_wait_verdict(struct relay *relay, struct verdict *verdict)
{
    enum relay_wait result = WAIT_READY;
    relay_lock(relay);
    enter(relay);
    while (relay->state == RELAY_SNIFF && !relay->cancelled)
        wait_step(relay, 0, NULL, 0, DEADLINE_NEVER, &result);
    leave(relay);
    *verdict = relay->verdict;
    if (relay->cancelled)
        result = WAIT_CANCELLED;
    wake_unlock(relay);
    return result;
}

bool relay_has_lost_peer(struct relay *relay)
{
    relay_lock(relay);
    bool lost = socket_has_lost_peer(relay);
    relay_unlock(relay);
    return lost;
}

void relay_note(struct relay *relay, unsigned notes)
{
    relay_lock(relay);
    relay->waiters.notes = notes;
    wake_waiters(relay);
    wake_unlock(relay);
}

void relay_tell(struct relay *relay)
{
    relay_lock(relay);
    relay->waiters.told = true;
    wake_waiters(relay);
    wake_unlock(relay);
}

void relay_untell(struct relay *relay)
{
    relay_lock(relay);
    relay->waiters.told = false;
    relay_unlock(relay);
}

bool relay_is(struct relay *relay, unsigned want)
{
    relay_lock(relay);
    bool is = wake_is_ready(relay, want);
    relay_unlock(relay);
    return is;
}

bool relay_is_broken(struct relay *relay)
{
    relay_lock(relay);
    bool broken = relay->error != 0 || (socket_unasked_events(relay) & POLLERR) != 0;
    relay_unlock(relay);
    return broken;
}

void relay_enter(struct relay *relay)
{
    relay_lock(relay);
    enter(relay);
    relay_unlock(relay);
}

void relay_leave(struct relay *relay)
{
    relay_lock(relay);
    leave(relay);
    wake_unlock(relay);
}

void relay_flush(struct relay *relay)
{
    relay_lock(relay);
    wait_flush(relay);
    wake_unlock(relay);
}

/* (drops) */
static void begin_finish(struct relay *relay)
{
    if (relay->state == RELAY_OPEN) {
        state_set(relay, RELAY_DRAIN);
        wake_poller(relay); /* its events are those of the old state */
    }
    loop_finish(relay);
}

void relay_begin_finish(struct relay *relay)
{
    relay_lock(relay);
    begin_finish(relay);
    wake_unlock(relay);
}

enum relay_wait relay_finish_output(struct relay *relay, int64_t deadline_us)
{
    relay_lock(relay);
    begin_finish(relay);
    enum relay_wait result = wait_for(relay, RELAY_FLUSHED, NULL, 0, deadline_us);
    wake_unlock(relay);
    return result;
}

static void begin_discard(struct relay *relay, uint64_t max)
{
    struct input *input = &relay->input;
    input->discarding = true;
    input->discard_until = max > UINT64_MAX - input->received ? UINT64_MAX : input->received + max;
    wake_if_events_changed(relay);
}

void relay_begin_discard(struct relay *relay, uint64_t max)
{
    relay_lock(relay);
    begin_discard(relay, max);
    wake_unlock(relay);
}

void relay_discard(struct relay *relay, uint64_t max, int64_t deadline_us)
{
    relay_lock(relay);
    begin_discard(relay, max);
    (void)wait_for(relay, RELAY_ENDED, NULL, 0, deadline_us);
    wake_unlock(relay);
}
