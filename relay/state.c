#include "relay/state.h"

#include "relay/clock.h"
#include "relay/lock.h"

#include <stdlib.h>

/* ---- The lock ----------------------------------------------------------------------------- */

#ifdef NDEBUG
static void note_held(struct relay *relay)
{
    (void)relay;
}

static void note_released(struct relay *relay)
{
    (void)relay;
}
#else
void state_assert_held(const struct relay *relay)
{
    if (!relay->held || !pthread_equal(relay->holder, pthread_self()))
        abort();
}

static void note_held(struct relay *relay)
{
    relay->held = true;
    relay->holder = pthread_self();
}

/* A wake-up that is due when the lock is released would be lost. */
static void note_released(struct relay *relay)
{
    state_assert_held(relay);
    if (relay->wake.due || relay->driver.thread == THREAD_DUE)
        abort();
    relay->held = false;
}
#endif

int state_init_locks(struct relay *relay)
{
    int error = pthread_mutex_init(&relay->lock, NULL);
    if (error)
        return error;
    error = clock_init_cond(&relay->waiters.arrived);
    if (error)
        goto out_lock;
    error = clock_init_cond(&relay->waiters.parked);
    if (!error)
        return 0;
    lock_must_succeed(pthread_cond_destroy(&relay->waiters.arrived));
out_lock:
    lock_must_succeed(pthread_mutex_destroy(&relay->lock));
    return error;
}

void state_destroy_locks(struct relay *relay)
{
    lock_must_succeed(pthread_cond_destroy(&relay->waiters.parked));
    lock_must_succeed(pthread_cond_destroy(&relay->waiters.arrived));
    lock_must_succeed(pthread_mutex_destroy(&relay->lock));
}

void relay_lock(struct relay *relay)
{
    lock_take(&relay->lock);
    note_held(relay);
}

void relay_unlock(struct relay *relay)
{
    note_released(relay);
    lock_release(&relay->lock);
}

bool state_sleep(struct relay *relay, pthread_cond_t *condition, int64_t deadline_us)
{
    note_released(relay);
    bool late = lock_sleep(condition, &relay->lock, deadline_us);
    note_held(relay);
    return late;
}

void state_signal(struct relay *relay, pthread_cond_t *condition)
{
    state_assert_held(relay);
    lock_signal(condition);
}

void state_broadcast(struct relay *relay, pthread_cond_t *condition)
{
    state_assert_held(relay);
    lock_broadcast(condition);
}

/* ---- Setters ------------------------------------------------------------------------------ */

/* The names of a part of the state, in the order of its enum. */
struct part {
    const char *name;
    const char *values[6];
};

static void trace(const struct relay *relay, const char *part, const char *from, const char *to)
{
    const struct relay_hooks *hooks = relay->options.hooks;
    if (hooks && hooks->trace)
        hooks->trace(relay, part, from, to);
}

static void note_change(const struct relay *relay, const struct part *part, unsigned from,
                        unsigned to)
{
    state_assert_held(relay);
    if (from != to)
        trace(relay, part->name, part->values[from], part->values[to]);
}

void state_set(struct relay *relay, enum relay_state to)
{
    static const struct part part = {"state", {"sniff", "open", "drain", "done"}};
    note_change(relay, &part, relay->state, to);
    relay->state = to;
}

void state_set_input(struct relay *relay, enum input_state to)
{
    static const struct part part = {"input", {"open", "ended", "failed"}};
    if (relay->input.state != INPUT_OPEN)
        return;
    note_change(relay, &part, relay->input.state, to);
    relay->input.state = to;
}

void state_set_output(struct relay *relay, enum output_state to)
{
    static const struct part part = {
        "output", {"open", "blocked", "finishing", "finished", "failed", "timed out"}};
    if (state_output_dead(relay))
        return;
    note_change(relay, &part, relay->output.state, to);
    relay->output.state = to;
}

void state_set_connect(struct relay *relay, enum connect_state to)
{
    static const struct part part = {"connect", {"connected", "on send", "by SYN"}};
    note_change(relay, &part, relay->output.connect, to);
    relay->output.connect = to;
}

void state_set_loop(struct relay *relay, enum loop_state to)
{
    static const struct part part = {"loop", {"free", "busy", "asleep", "woken"}};
    note_change(relay, &part, relay->driver.loop, to);
    relay->driver.loop = to;
}

void state_set_thread(struct relay *relay, enum thread_state to)
{
    static const struct part part = {"thread", {"none", "away", "due", "attached"}};
    note_change(relay, &part, relay->driver.thread, to);
    relay->driver.thread = to;
}

void state_set_announcement(struct relay *relay, enum announcement to)
{
    static const struct part part = {"announcement", {"pending", "running", "done"}};
    note_change(relay, &part, relay->driver.announcement, to);
    relay->driver.announcement = to;
}

void state_set_glare(struct relay *relay, enum glare_state to)
{
    static const struct part part = {"glare", {"off", "withhold", "held", "watch"}};
    note_change(relay, &part, relay->glare.state, to);
    relay->glare.state = to;
}

void state_set_verdict(struct relay *relay, enum role role, enum cause cause)
{
    state_assert_held(relay);
    trace(relay, "verdict", role_name(role), cause_name(cause));
    relay->verdict.role = role;
    relay->verdict.cause = cause;
}

void state_latch(struct relay *relay, int error)
{
    state_assert_held(relay);
    if (relay->error == 0)
        relay->error = error;
}

/* ---- Questions ---------------------------------------------------------------------------- */

bool state_output_dead(const struct relay *relay)
{
    return relay->output.state >= OUTPUT_FAILED;
}

bool state_input_over(const struct relay *relay)
{
    return relay->input.state != INPUT_OPEN;
}

bool state_has_output(struct relay *relay)
{
    const uint8_t *data;
    return !state_output_dead(relay) && relay->transport->output(relay, &data) > 0;
}

bool state_holds_output(const struct relay *relay)
{
    return relay->glare.state == GLARE_WITHHOLD || relay->glare.state == GLARE_HELD;
}

bool state_takes_input(const struct relay *relay)
{
    return relay->glare.state != GLARE_OFF;
}

short state_wanted_events(struct relay *relay)
{
    short events = 0;
    if (relay->output.connect == CONNECT_ON_SEND)
        return 0;
    if (!state_input_over(relay) &&
        (relay->input.discarding || relay->state == RELAY_SNIFF || state_takes_input(relay) ||
         relay->transport->wants_input(relay)))
        events |= POLLIN;
    if (relay->output.state == OUTPUT_BLOCKED)
        events |= POLLOUT;
    return events;
}

bool state_polls_for_error(const struct relay *relay, unsigned want)
{
    return (want & RELAY_FAILED) && relay->error == 0 && !relay->driver.hung;
}

/* ---- The hooks of a test ------------------------------------------------------------------- */

bool state_is_forced(const struct relay *relay)
{
    return relay->options.hooks && relay->options.hooks->may;
}

bool state_may(const struct relay *relay, enum relay_turn turn)
{
    return !state_is_forced(relay) || relay->options.hooks->may(turn);
}

int64_t state_look_again_us(const struct relay *relay)
{
    const struct relay_hooks *hooks = relay->options.hooks;
    return hooks && hooks->look_us ? clock_now_us() + hooks->look_us : DEADLINE_NEVER;
}

size_t state_io_size(const struct relay *relay, size_t size)
{
    size_t cap = relay->options.hooks ? relay->options.hooks->io_cap : 0;
    return cap && size > cap ? cap : size;
}
