/* The relay's life: new, abort, close, free. */
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

/* An idle connection has no control pipe (relay_release): only an abort wakes it, and needs no more
 * than its socket's end. While a kicker is counted, neither descriptor goes away. */
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
        (void)relay_run_thread(relay); /* on failure the next call to end tries again */
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

void relay_unref(struct relay *relay)
{
    relay_lock(relay);
    unsigned left = --relay->references;
    relay_unlock(relay);
    if (left == 0)
        destroy(relay);
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
    struct relay *relay = calloc(1, sizeof(*relay));
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
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
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
    relay_unref(relay);
}
