/* The relay's life: new, its thread, abort, close, free. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

void relay_lock(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
}

static int run_thread(struct relay *relay);

/* An idle connection has no control pipe (relay_release): only an abort wakes it, and needs no more than its socket's
 * end. While a kicker is counted, neither descriptor goes away. */
static void wake_poller(struct relay *relay, int wake_fd, bool cancelled)
{
    if (wake_fd >= 0)
        while (eventfd_write(wake_fd, 1) < 0 && errno == EINTR)
            ;
    else if (cancelled)
        (void)shutdown(relay->fd, SHUT_RDWR);
    pthread_mutex_lock(&relay->lock);
    relay->kickers--;
    if (relay->followers) /* not wait_wake: nobody would carry out its kick */
        pthread_cond_broadcast(&relay->arrived);
    pthread_mutex_unlock(&relay->lock);
}

void relay_unlock(struct relay *relay)
{
    bool kick = relay->kick;
    bool call_thread = relay->call_thread;
    bool cancelled = relay->cancelled;
    int wake_fd = relay->wake_fd;
    relay->kick = relay->call_thread = false;
    relay->kickers += kick;
    pthread_mutex_unlock(&relay->lock);
    if (kick)
        wake_poller(relay, wake_fd, cancelled);
    if (call_thread)
        (void)run_thread(relay); /* if there is none to be had, the next call to end tries again */
}

void relay_set_state(struct relay *relay, enum relay_state state)
{
    relay->state = state;
    pump_kick(relay); /* whoever sleeps in poll did so for the old state's sake */
}

void relay_latch(struct relay *relay, int error)
{
    if (relay->error == 0)
        relay->error = error;
}

int relay_make_wake_fd(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void destroy(struct relay *relay)
{
    if (relay->wake_fd >= 0)
        close(relay->wake_fd);
    BIO_free(relay->internal);
    BIO_free(relay->external);
    free(relay->first.data);
    free(relay->spill.data);
    free(relay->own_hello.data);
    pthread_cond_destroy(&relay->parked);
    pthread_cond_destroy(&relay->arrived);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

static void release(struct relay *relay)
{
    relay_lock(relay);
    unsigned left = --relay->references;
    relay_unlock(relay);
    if (left == 0)
        destroy(relay);
}

/* ---- The relay thread --------------------------------------------------------------------- */

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

/* Has the conversation been in one call since the last look? Then it has the pump for as long as that
 * lasts, and calls a thread when it leaves. */
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
    release(relay);
}

void relay_attach(struct relay *relay)
{
    relay->attached = true;
    relay->references++; /* the thread's, given before it runs */
    relay->call_thread = true;
}

static int run_thread(struct relay *relay)
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
    return run_thread(relay);
}

/* ---- New ---------------------------------------------------------------------------------- */

static int make_locks(struct relay *relay)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_mutex_init(&relay->lock, NULL);
    if (error)
        goto out;
    error = pthread_cond_init(&relay->arrived, &attributes);
    if (error)
        goto out_mutex;
    error = pthread_cond_init(&relay->parked, &attributes);
    if (!error)
        goto out;
    pthread_cond_destroy(&relay->arrived);
out_mutex:
    pthread_mutex_destroy(&relay->lock);
out:
    pthread_condattr_destroy(&attributes);
    return error;
}

struct relay *relay_new(int fd, const struct relay_options *options)
{
    int error = ENOMEM;
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        goto out_fd;
    relay->fd = fd;
    relay->options = *options;
    relay->transport = options->transport == RELAY_DIRECT ? &transport_direct : &transport_pair;
    relay->references = 1;
    relay->read_timeout_ms = -1;
    relay->input_credit = RELAY_INPUT_CREDIT;
    relay->random = (uint32_t)fd * 2654435761U;
    relay->accepted_us = clock_now_us();
    relay->unconnected = options->fast_open_size > 0;
    error = make_locks(relay);
    if (error)
        goto out_relay;
    relay->wake_fd = relay_make_wake_fd();
    if (relay->wake_fd >= 0) {
        sniff_begin(relay);
        return relay;
    }
    error = errno;
    destroy(relay);
    goto out_fd;
out_relay:
    free(relay);
out_fd:
    close(fd);
    errno = error;
    return NULL;
}

/* ---- From the owner's side ---------------------------------------------------------------- */

struct verdict relay_verdict(struct relay *relay)
{
    relay_lock(relay);
    struct verdict verdict = relay->verdict;
    relay_unlock(relay);
    return verdict;
}

struct relay_status relay_status(struct relay *relay)
{
    relay_lock(relay);
    struct relay_status status = {.state = relay->state,
                                  .error = relay->error,
                                  .eof = relay->eof,
                                  .cancelled = relay->cancelled,
                                  .timed_out = relay->timed_out,
                                  .syn_sent = relay->syn_sent,
                                  .received = relay->received,
                                  .sent = relay->sent};
    relay_unlock(relay);
    return status;
}

void relay_set_blocking(struct relay *relay, bool blocking, int64_t read_timeout_ms)
{
    relay_lock(relay);
    relay->blocking = blocking;
    relay->read_timeout_ms = read_timeout_ms;
    relay_unlock(relay);
}

void relay_release(struct relay *relay)
{
    relay_lock(relay);
    int wake_fd = -1;
    if (!relay->receiving && !relay->sending) {
        if (relay->transport->release)
            relay->transport->release(relay);
        bool alone = relay->calls > 0 && !relay->polling && !relay->kickers &&
                     relay->options.driver == DRIVER_AUTO;
        /* An abort must be heard by the socket then. */
        if (alone && !relay->cancelled && pump_polls_socket(relay)) {
            wake_fd = relay->wake_fd;
            relay->wake_fd = -1;
            relay->pipeless = true;
        }
    }
    relay_unlock(relay);
    if (wake_fd >= 0)
        close(wake_fd);
}

void relay_abort(struct relay *relay)
{
    relay_lock(relay);
    relay->cancelled = true;
    pump_kick(relay);
    wait_wake(relay);
    relay_unlock(relay);
}

/* With output left, or after an abort, the peer must not take the end for an orderly one. */
static void close_socket(int fd, bool hard)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (hard)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd); /* nothing can be done about an error; the descriptor is gone also on EINTR */
}

/* Is the relay thread still inside? The owner's call from on_verdict is on that thread itself. */
static bool relay_thread_inside(const struct relay *relay)
{
    bool announcing = relay->announcing && !pthread_equal(relay->announcer, pthread_self());
    return relay->polling || relay->sending || relay->kickers || announcing;
}

void relay_close(struct relay *relay)
{
    relay_lock(relay);
    if (relay->state == RELAY_DONE) {
        relay_unlock(relay);
        return;
    }
    bool hard = relay->cancelled || relay->output_dead || pump_has_output(relay);
    relay_set_state(relay, RELAY_DONE);
    pthread_cond_signal(&relay->parked);
    relay->followers++;
    while (relay_thread_inside(relay)) {
        if (!relay->kick) {
            pthread_cond_wait(&relay->arrived, &relay->lock);
            continue;
        }
        relay_unlock(relay);
        relay_lock(relay);
    }
    relay->followers--;
    int fd = relay->fd;
    relay->fd = -1;
    relay_unlock(relay);
    close_socket(fd, hard);
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    relay_close(relay);
    release(relay);
}
