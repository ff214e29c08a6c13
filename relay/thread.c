/* The relay thread runs the I/O loop until the role is decided, and later while the conversation is
 * outside any call. */
#include "relay/clock.h"
#include "relay/internal.h"

/* What the thread keeps from one look at the conversation to the next. */
struct watch {
    uint64_t call_number;
    bool away; /* outside any call for a whole grace period */
};

/* Calls on_verdict, once and without the lock. */
static void announce(struct relay *relay, struct watch *watch)
{
    struct driver *driver = &relay->driver;
    if (driver->announcement != ANNOUNCE_PENDING || relay->state == RELAY_SNIFF ||
        relay->state == RELAY_DONE)
        return;
    if (relay->options.on_verdict) {
        driver->announcer = pthread_self();
        state_set_announcement(relay, ANNOUNCE_RUNNING);
        wake_unlock(relay);
        relay->options.on_verdict(relay->options.arg);
        relay_lock(relay);
    }
    state_set_announcement(relay, ANNOUNCE_DONE);
    wake_waiters(relay);
    watch->call_number = relay->waiters.call_number;
}

static bool should_drive(struct relay *relay, const struct watch *watch)
{
    if (relay->driver.loop != LOOP_FREE)
        return false;
    if (relay->state == RELAY_SNIFF)
        return true;
    if (state_is_forced(relay))
        return relay->waiters.loop_wanted == 0 && state_may(relay, TURN_RELAY_POLLS);
    return relay->waiters.calls == 0 && (watch->away || state_has_output(relay));
}

static void drive(struct relay *relay)
{
    bool sniffing = relay->state == RELAY_SNIFF;
    state_set_loop(relay, LOOP_BUSY);
    loop_flush(relay);
    sniff_check_time(relay); /* an abort may have come before this thread could sleep */
    if (relay->state != RELAY_DONE && sniffing == (relay->state == RELAY_SNIFF))
        (void)loop_turn(relay, NULL, 0, sniffing ? DEADLINE_NEVER : state_look_again_us(relay));
    state_set_loop(relay, LOOP_FREE);
    wake_waiters(relay);
}

/* Has the conversation been in one call since the last look? Then it runs the loop until the call
 * ends, and starts a thread when it leaves. */
static bool not_needed(const struct relay *relay, const struct watch *watch)
{
    return !state_is_forced(relay) && relay->waiters.calls > 0 &&
           relay->waiters.call_number == watch->call_number;
}

/* Sleeps until the next look. */
static void park(struct relay *relay, struct watch *watch)
{
    struct waiters *waiters = &relay->waiters;
    int64_t deadline_us =
        state_is_forced(relay) ? state_look_again_us(relay) : clock_now_us() + RELAY_GRACE_US;
    watch->call_number = waiters->call_number;
    bool passed = wake_sleep(relay, &waiters->parked, deadline_us);
    watch->away = passed && waiters->calls == 0 && waiters->call_number == watch->call_number;
}

static void relay_main(void *arg)
{
    struct relay *relay = arg;
    struct watch watch = {0};
    relay_lock(relay);
    for (;;) {
        announce(relay, &watch);
        if (relay->state == RELAY_DONE || relay->driver.served == RELAY_BY_CALLER ||
            not_needed(relay, &watch))
            break;
        if (should_drive(relay, &watch))
            drive(relay);
        else
            park(relay, &watch);
    }
    state_set_thread(relay, THREAD_AWAY);
    wake_waiters(relay); /* relay_serve_by_caller waits for this */
    wake_unlock(relay);
    life_unref(relay);
}

int relay_start(struct relay *relay)
{
    if (relay->options.transport == RELAY_DIRECT)
        return 0;
    relay_lock(relay);
    relay->driver.thread_main = relay_main;
    state_set_thread(relay, THREAD_ATTACHED);
    relay->references++; /* the thread's, counted before it runs */
    relay_unlock(relay);
    return wake_start_thread(relay);
}
