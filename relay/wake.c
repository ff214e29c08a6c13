#include "relay/wake.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* ---- What a thread waits for -------------------------------------------------------------- */

static bool is_readable(struct relay *relay)
{
    const struct first_bytes *first = &relay->input.first;
    return (first->taken < first->length && !state_takes_input(relay)) || state_input_over(relay) ||
           relay->ssl.revised || relay->transport->readable(relay);
}

static bool is_writable(struct relay *relay)
{
    return state_output_dead(relay) ||
           (!(relay->waiters.notes & NOTE_BUSY) && relay->transport->writable(relay));
}

static bool is_flushed(const struct relay *relay)
{
    return state_output_dead(relay) ||
           (relay->output.state == OUTPUT_FINISHED && !relay->output.sending);
}

static bool is_ended(const struct relay *relay)
{
    const struct input *input = &relay->input;
    return state_input_over(relay) ||
           (input->discarding && input->received >= input->discard_until);
}

bool wake_is_ready(struct relay *relay, unsigned want)
{
    state_assert_held(relay);
    unsigned notes = relay->waiters.notes;
    if ((want & RELAY_READABLE) && (notes & NOTE_HOLDS))
        return true;
    if (notes & NOTE_FULL)
        want &= ~(unsigned)RELAY_ARRIVED;
    return ((want & (RELAY_READABLE | RELAY_ARRIVED)) && is_readable(relay)) ||
           ((want & RELAY_WRITABLE) && is_writable(relay)) ||
           ((want & RELAY_FLUSHED) && is_flushed(relay)) ||
           ((want & RELAY_ENDED) && is_ended(relay)) ||
           ((want & RELAY_FAILED) && relay->error != 0) ||
           ((want & RELAY_TOLD) && relay->waiters.told) ||
           ((want & RELAY_DECIDED) && relay->state != RELAY_SNIFF);
}

/* ---- Waking it ---------------------------------------------------------------------------- */

void wake_poller(struct relay *relay)
{
    state_assert_held(relay);
    if (relay->driver.loop != LOOP_ASLEEP)
        return;
    state_set_loop(relay, LOOP_WOKEN);
    relay->wake.due = true;
}

void wake_waiters(struct relay *relay)
{
    if (relay->waiters.followers)
        state_broadcast(relay, &relay->waiters.arrived);
    if (relay->driver.loop == LOOP_ASLEEP && wake_is_ready(relay, relay->waiters.awaited))
        wake_poller(relay);
}

void wake_if_events_changed(struct relay *relay)
{
    if (relay->driver.loop != LOOP_ASLEEP)
        return;
    bool unsent = !relay->output.sending && relay->output.state != OUTPUT_BLOCKED &&
                  relay->glare.state != GLARE_HELD && state_has_output(relay);
    if (unsent || (state_wanted_events(relay) & ~relay->driver.polled))
        wake_poller(relay);
}

void wake_relay_thread(struct relay *relay)
{
    state_signal(relay, &relay->waiters.parked);
}

void wake_call_thread(struct relay *relay)
{
    state_set_thread(relay, THREAD_DUE);
    relay->references++; /* the thread's, counted before it runs */
}

/* ---- What is due, performed without the lock ---------------------------------------------- */

struct due {
    bool poller, thread;
    int fd;           /* poller: the eventfd to write to */
    int socket;       /* or, where there is none, the socket to shut down; or -1 */
    bool output_only; /* the owner waits for room for output, and for nothing else */
};

static struct due take_due(struct relay *relay)
{
    struct wake *wake = &relay->wake;
    struct due due = {.poller = wake->due,
                      .thread = relay->driver.thread == THREAD_DUE,
                      .fd = wake->fd,
                      .socket = relay->cancelled ? relay->fd : -1,
                      .output_only = relay->driver.polled == POLLOUT};
    wake->writers += due.poller;
    wake->due = false;
    if (due.thread)
        state_set_thread(relay, THREAD_ATTACHED);
    return due;
}

/* Wakes every poll of it. TCP sends a reset at once (RFC 9293 section 3.10.5): the end of the
 * output would send FIN before the reset, if the peer takes our data meanwhile. Other sockets
 * cannot do that. */
static void disconnect(int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (connect(fd, &nobody, sizeof(nobody)) != 0)
        (void)shutdown(fd, SHUT_RDWR);
}

/* An idle connection has no eventfd (relay_release), nor has one that the caller serves. Then only
 * an abort must wake the thread that waits. The end of the input wakes a poll for POLLIN, and sends
 * nothing; a poll for POLLOUT alone needs more. While a writer is counted, neither descriptor is
 * closed. */
static void write_wake(struct relay *relay, const struct due *due)
{
    if (due->fd >= 0)
        while (eventfd_write(due->fd, 1) < 0 && errno == EINTR)
            ;
    else if (due->socket >= 0 && due->output_only)
        disconnect(due->socket);
    else if (due->socket >= 0)
        (void)shutdown(due->socket, SHUT_RD);
    relay_lock(relay);
    relay->wake.writers--;
    if (relay->waiters.followers) /* relay_close waits for the last writer */
        state_broadcast(relay, &relay->waiters.arrived);
    relay_unlock(relay);
}

static void perform(struct relay *relay, const struct due *due)
{
    if (due->poller)
        write_wake(relay, due);
    if (due->thread)
        (void)wake_start_thread(relay); /* on failure, the next call that ends tries again */
}

static bool is_due(const struct relay *relay)
{
    return relay->wake.due || relay->driver.thread == THREAD_DUE;
}

void wake_unlock(struct relay *relay)
{
    if (!is_due(relay)) {
        relay_unlock(relay);
        return;
    }
    struct due due = take_due(relay);
    relay_unlock(relay);
    perform(relay, &due);
}

bool wake_sleep(struct relay *relay, pthread_cond_t *condition, int64_t deadline_us)
{
    if (!is_due(relay))
        return state_sleep(relay, condition, deadline_us);
    wake_unlock(relay);
    relay_lock(relay);
    return false;
}

int wake_start_thread(struct relay *relay)
{
    int error = threads_run(relay->options.threads, relay->driver.thread_main, relay);
    if (!error)
        return 0;
    relay_lock(relay);
    state_set_thread(relay, THREAD_AWAY);
    relay->references--;
    relay_unlock(relay);
    return error;
}

int wake_make_fd(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void wake_drain(int fd)
{
    eventfd_t count;
    while (eventfd_read(fd, &count) < 0 && errno == EINTR)
        ;
}
