/* The relay thread: it has the pump while the peer's first bytes are waited for, and later on while
 * the conversation is outside any call. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>

/* What the thread remembers from one look at the conversation to the next. */
struct watch {
    uint64_t call_number;
    bool away; /* outside any call for a whole grace period */
};

/* Tells the owner of the verdict, once and without the lock. */
static void announce(struct relay *relay, struct watch *watch)
{
    if (relay->announced || relay->state == RELAY_SNIFF || relay->state == RELAY_DONE)
        return;
    relay->announced = true;
    if (relay->options.on_verdict) {
        relay->announcing = true;
        relay->announcer = pthread_self();
        relay_unlock(relay);
        relay->options.on_verdict(relay->options.arg);
        relay_lock(relay);
        relay->announcing = false;
        wait_wake(relay);
    }
    watch->call_number = relay->call_number;
}

static bool should_drive(struct relay *relay, const struct watch *watch)
{
    if (relay->polling)
        return false;
    if (relay->state == RELAY_SNIFF)
        return true;
    switch (relay->options.driver) {
    case DRIVER_RELAY:
        return relay->pump_wanted == 0;
    case DRIVER_CONVERSATION:
        return false;
    case DRIVER_RANDOM:
        return relay->pump_wanted == 0 && wait_coin(relay);
    case DRIVER_AUTO:
        break;
    }
    return relay->calls == 0 && (watch->away || pump_has_output(relay));
}

static void drive(struct relay *relay)
{
    bool random = relay->options.driver == DRIVER_RANDOM && relay->state != RELAY_SNIFF;
    bool sniffing = relay->state == RELAY_SNIFF;
    relay->polling = true;
    pump_flush(relay);
    sniff_check_time(relay); /* an abort may have come before this thread could sleep */
    if (relay->state != RELAY_DONE && sniffing == (relay->state == RELAY_SNIFF))
        (void)pump_turn(relay, NULL, 0, random ? clock_deadline_ms(1) : DEADLINE_NEVER);
    relay->polling = false;
    wait_wake(relay);
}

/* Has the conversation been in one call since the last look? Then it has the pump for as long as
 * that lasts, and calls a thread when it leaves. */
static bool not_needed(const struct relay *relay, const struct watch *watch)
{
    return relay->options.driver == DRIVER_AUTO && relay->calls > 0 &&
           relay->call_number == watch->call_number;
}

/* Sleeps until the next look. */
static void park(struct relay *relay, struct watch *watch)
{
    enum relay_driver driver = relay->options.driver;
    watch->call_number = relay->call_number;
    watch->away = false;
    if (driver == DRIVER_RELAY || driver == DRIVER_CONVERSATION) {
        pthread_cond_wait(&relay->parked, &relay->lock);
        return;
    }
    int64_t grace_us = driver == DRIVER_RANDOM ? 1000 : RELAY_GRACE_US;
    struct timespec until = clock_absolute(clock_now_us() + grace_us);
    if (pthread_cond_timedwait(&relay->parked, &relay->lock, &until) == ETIMEDOUT)
        watch->away = relay->calls == 0 && relay->call_number == watch->call_number;
}

static void relay_main(void *arg)
{
    struct relay *relay = arg;
    struct watch watch = {0};
    relay_lock(relay);
    for (;;) {
        announce(relay, &watch);
        if (relay->state == RELAY_DONE || not_needed(relay, &watch))
            break;
        if (should_drive(relay, &watch))
            drive(relay);
        else
            park(relay, &watch);
    }
    relay->attached = false;
    relay_unlock(relay);
    relay_unref(relay);
}

void relay_attach(struct relay *relay)
{
    relay->attached = true;
    relay->references++; /* the thread's, given before it runs */
    relay->call_thread = true;
}

int relay_run_thread(struct relay *relay)
{
    int error = threads_run(relay->options.threads, relay_main, relay);
    if (error) {
        relay_lock(relay);
        relay->attached = false;
        relay->references--;
        relay_unlock(relay);
    }
    return error;
}

int relay_start(struct relay *relay)
{
    if (relay->options.transport == RELAY_DIRECT)
        return 0;
    relay_lock(relay);
    relay->started = true;
    relay_attach(relay);
    relay->call_thread = false;
    relay_unlock(relay);
    return relay_run_thread(relay);
}
