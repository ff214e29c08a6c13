/* The conversation's waits. A thread that must wait takes the pump if it is free and polls for all;
 * the others follow: they sleep until it delivers, or leaves and one of them takes over. */
#include "relay/clock.h"
#include "relay/internal.h"

bool wait_coin(struct relay *relay)
{
    relay->random = relay->random * 1664525U + 1013904223U;
    return relay->random & 0x10000;
}

void wait_enter(struct relay *relay)
{
    if (relay->calls++ == 0)
        relay->call_number++;
}

static bool satisfied(struct relay *relay, unsigned want)
{
    const struct transport *transport = relay->transport;
    bool first = relay->first.taken < relay->first.length && !glare_takes_input(relay);
    if ((want & RELAY_READABLE) && (relay->notes & NOTE_HOLDS))
        return true;
    if (relay->notes & NOTE_FULL)
        want &= ~(unsigned)RELAY_ARRIVED;
    if ((want & (RELAY_READABLE | RELAY_ARRIVED)) &&
        (first || relay->input_dead || relay->revised || transport->readable(relay)))
        return true;
    if ((want & RELAY_WRITABLE) &&
        (relay->output_dead || (!(relay->notes & NOTE_BUSY) && transport->writable(relay))))
        return true;
    if ((want & RELAY_FLUSHED) && (relay->output_dead || (relay->fin_sent && !relay->sending)))
        return true;
    return (want & RELAY_ENDED) &&
           (relay->input_dead || (relay->discarding && relay->received >= relay->discard_until));
}

void wait_wake(struct relay *relay)
{
    if (relay->followers)
        pthread_cond_broadcast(&relay->arrived);
    if (relay->asleep && satisfied(relay, relay->awaited))
        pump_kick(relay);
}

/* The last one out calls a relay thread, for there is none while a call lasts, or wakes it if
 * output would be stranded. */
void wait_leave(struct relay *relay)
{
    if (!relay->polling)
        wait_wake(relay);
    if (--relay->calls > 0)
        return;
    relay->pipeless = false; /* it was for a sleep in this call, not for the relay thread's */
    if (!relay->started || relay->state == RELAY_DONE)
        return;
    if (!relay->attached)
        relay_attach(relay);
    else if (!relay->polling && pump_has_output(relay))
        pthread_cond_signal(&relay->parked);
}

/* May a conversation thread take the pump now? One with descriptors of its own must, so it goes
 * before others. */
static bool may_drive(struct relay *relay, nfds_t extras)
{
    if (relay->polling || (extras == 0 && relay->pump_wanted > 0))
        return false;
    switch (relay->options.driver) {
    case DRIVER_RELAY:
        return extras > 0 || relay->options.transport == RELAY_DIRECT;
    case DRIVER_RANDOM:
        return extras > 0 || relay->options.transport == RELAY_DIRECT || wait_coin(relay);
    case DRIVER_AUTO:
    case DRIVER_CONVERSATION:
        break;
    }
    return relay->state != RELAY_SNIFF || relay->options.transport == RELAY_DIRECT;
}

/* Sleeps until the thread with the pump has something for us. */
static void follow(struct relay *relay, nfds_t extras, int64_t deadline_us)
{
    relay->followers++;
    if (extras) {
        relay->pump_wanted++;
        pump_kick(relay);
    }
    if (!relay->polling) /* only where a test forced the driver: the relay thread is to take it */
        pthread_cond_signal(&relay->parked);
    if (relay->kick) { /* the poller must hear of it before we sleep */
        relay_unlock(relay);
        relay_lock(relay);
    } else if (deadline_us == DEADLINE_NEVER) {
        pthread_cond_wait(&relay->arrived, &relay->lock);
    } else {
        struct timespec until = clock_absolute(deadline_us);
        pthread_cond_timedwait(&relay->arrived, &relay->lock, &until);
    }
    if (extras)
        relay->pump_wanted--;
    relay->followers--;
}

/* One look, and one sleep if there is nothing yet. True when *result is the answer. */
static bool wait_step(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                      int64_t deadline_us, enum relay_wait *result)
{
    *result = WAIT_READY;
    wait_flush(relay);
    if (relay->cancelled) {
        *result = WAIT_CANCELLED;
        return true;
    }
    if (satisfied(relay, want))
        return true;
    if (!may_drive(relay, extras)) {
        follow(relay, extras, deadline_us);
    } else {
        relay->polling = true;
        pump_flush(relay); /* nothing may be left unsent by who sleeps in poll */
        bool sleep = !relay->cancelled && !satisfied(relay, want);
        relay->awaited = want;
        bool fired = sleep && pump_turn(relay, extra, extras, deadline_us);
        relay->awaited = 0;
        relay->polling = false;
        if (relay->pump_wanted)
            wait_wake(relay);
        if (fired)
            return true;
    }
    if (deadline_us == DEADLINE_NEVER || clock_now_us() < deadline_us)
        return false;
    *result = satisfied(relay, want) ? WAIT_READY : WAIT_TIMEOUT;
    return true;
}

/* Lets SSL read on. Not once the deadline has passed: more messages without data would put it off
 * for ever. False: all that could be read before this wait has been. */
static bool renew_credit(struct relay *relay, unsigned want, int64_t deadline_us)
{
    if (!(want & (RELAY_READABLE | RELAY_ARRIVED)))
        return true;
    if (relay->input_credit < RELAY_INPUT_CREDIT &&
        (deadline_us == DEADLINE_NEVER || clock_now_us() < deadline_us))
        relay->input_credit = RELAY_INPUT_CREDIT;
    return relay->input_credit > 0;
}

enum relay_wait wait_for(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                         int64_t deadline_us)
{
    enum relay_wait result;
    for (nfds_t i = 0; i < extras; i++)
        extra[i].revents = 0;
    wait_enter(relay);
    bool may_wait = renew_credit(relay, want, deadline_us);
    while (may_wait && !wait_step(relay, want, extra, extras, deadline_us, &result))
        ;
    if (!may_wait) {
        wait_flush(relay);
        result = relay->cancelled ? WAIT_CANCELLED : WAIT_TIMEOUT;
    }
    wait_leave(relay);
    return result;
}

enum relay_wait relay_wait(struct relay *relay, unsigned want, struct pollfd *extra, nfds_t extras,
                           int64_t deadline_us)
{
    relay_lock(relay);
    enum relay_wait result = wait_for(relay, want, extra, extras, deadline_us);
    relay_unlock(relay);
    return result;
}

/* In SNIFF the relay thread has the pump, or with the direct transport whoever waits here. */
enum relay_wait relay_wait_verdict(struct relay *relay, struct verdict *verdict)
{
    enum relay_wait result = WAIT_READY;
    relay_lock(relay);
    wait_enter(relay);
    while (relay->state == RELAY_SNIFF && !relay->cancelled)
        wait_step(relay, 0, NULL, 0, DEADLINE_NEVER, &result);
    wait_leave(relay);
    *verdict = relay->verdict;
    if (relay->cancelled)
        result = WAIT_CANCELLED;
    relay_unlock(relay);
    return result;
}

void relay_note(struct relay *relay, unsigned notes)
{
    relay_lock(relay);
    relay->notes = notes;
    wait_wake(relay);
    relay_unlock(relay);
}

bool relay_is(struct relay *relay, unsigned want)
{
    relay_lock(relay);
    bool is = satisfied(relay, want);
    relay_unlock(relay);
    return is;
}

void relay_enter(struct relay *relay)
{
    relay_lock(relay);
    wait_enter(relay);
    relay_unlock(relay);
}

void relay_leave(struct relay *relay)
{
    relay_lock(relay);
    wait_leave(relay);
    relay_unlock(relay);
}

void wait_flush(struct relay *relay)
{
    enum relay_driver driver = relay->options.driver;
    bool by_relay = driver == DRIVER_RELAY || (driver == DRIVER_RANDOM && wait_coin(relay));
    if (!by_relay || relay->options.transport == RELAY_DIRECT)
        pump_flush(relay);
    else if (!relay->polling)
        pthread_cond_signal(&relay->parked);
    pump_changed(relay);
}

void relay_flush(struct relay *relay)
{
    relay_lock(relay);
    wait_flush(relay);
    relay_unlock(relay);
}

enum relay_wait relay_finish_output(struct relay *relay, int64_t deadline_us)
{
    relay_lock(relay);
    if (relay->state == RELAY_OPEN)
        relay_set_state(relay, RELAY_DRAIN);
    pump_finish(relay);
    enum relay_wait result = wait_for(relay, RELAY_FLUSHED, NULL, 0, deadline_us);
    relay_unlock(relay);
    return result;
}

void relay_discard(struct relay *relay, uint64_t most, int64_t deadline_us)
{
    relay_lock(relay);
    relay->discarding = true;
    relay->discard_until =
        most > UINT64_MAX - relay->received ? UINT64_MAX : relay->received + most;
    pump_changed(relay);
    (void)wait_for(relay, RELAY_ENDED, NULL, 0, deadline_us);
    relay_unlock(relay);
}
