/* The I/O loop moves bytes between the socket and the transport. One thread at a time polls and
 * receives (driver.loop), and one at a time sends (output.sending); they may be two. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- Progress of the output --------------------------------------------------------------- */

/* The bytes in the socket's own queue, unsent or not acknowledged; 0 if that is unknown. (drops) */
static int queue_size(struct relay *relay)
{
    int size = 0;
    wake_unlock(relay);
    bool failed = ioctl(relay->fd, SIOCOUTQ, &size) != 0;
    relay_lock(relay);
    return failed ? 0 : size;
}

/* The bytes that have left the socket's queue. (drops) */
static int64_t taken_by_peer(struct relay *relay)
{
    int queued = queue_size(relay);
    return (int64_t)relay->output.sent - queued;
}

/* From here on the peer must take some of the output within each write timeout. What the socket
 * takes does not count: its queue is large, and it reports room only when a large part of that is
 * free. (drops) */
static void note_blocked(struct relay *relay)
{
    struct output *output = &relay->output;
    state_set_output(relay, OUTPUT_BLOCKED);
    if (output->stuck_us)
        return;
    output->stuck_us = clock_now_us();
    output->stuck_taken = taken_by_peer(relay);
}

/* Did the peer take enough since the last measurement? A peer that takes a few bytes a second must
 * not hold a connection endlessly. Begins a new measurement. (drops) */
static bool peer_progressed(struct relay *relay)
{
    enum { BYTES_PER_SECOND_MIN = 64 };
    int64_t before = relay->output.stuck_taken;
    int64_t wanted = relay->options.write_timeout_ms * BYTES_PER_SECOND_MIN / 1000;
    relay->output.stuck_taken = taken_by_peer(relay);
    return relay->output.stuck_taken - before >= (wanted > 0 ? wanted : 1);
}

/* When stuck output is given up. Dead output has no deadline: one in the past would make every poll
 * return at once. */
static int64_t stuck_deadline(const struct relay *relay)
{
    const struct output *output = &relay->output;
    if (!output->stuck_us || relay->options.write_timeout_ms < 0 || state_output_dead(relay))
        return DEADLINE_NEVER;
    return output->stuck_us + relay->options.write_timeout_ms * 1000;
}

/* (drops) */
static void check_times(struct relay *relay)
{
    sniff_check_time(relay);
    int64_t deadline_us = stuck_deadline(relay);
    if (deadline_us == DEADLINE_NEVER || clock_now_us() < deadline_us)
        return;
    int64_t since_us = relay->output.stuck_us;
    bool progressed = peer_progressed(relay);
    if (relay->output.stuck_us != since_us) /* another thread has sent in between */
        return;
    if (progressed) {
        relay->output.stuck_us = clock_now_us();
        return;
    }
    state_latch(relay, ETIMEDOUT);
    state_set_output(relay, OUTPUT_TIMED_OUT);
    wake_waiters(relay);
}

/* ---- Receive ------------------------------------------------------------------------------ */

/* Bytes that come while glare is possible are judged before SSL gets them. (drops) */
static void receive_watching(struct relay *relay)
{
    if (sniff_read(relay))
        glare_judge(relay);
    else if (state_input_over(relay))
        glare_end(relay);
}

static void receive(struct relay *relay)
{
    struct input *input = &relay->input;
    if (state_input_over(relay) || input->receiving != RECEIVING_NOT)
        return;
    input->receiving = RECEIVING;
    if (input->discarding)
        socket_discard(relay);
    else if (relay->state == RELAY_SNIFF)
        sniff_receive(relay);
    else if (state_takes_input(relay))
        receive_watching(relay);
    else
        relay->transport->receive(relay);
    input->receiving = RECEIVING_NOT;
    wake_waiters(relay);
}

/* ---- Send --------------------------------------------------------------------------------- */

/* The last look at the socket before our ClientHello is sent: has the peer spoken after all?
 * (drops) */
static void look_once_more(struct relay *relay)
{
    if (relay->input.receiving != RECEIVING_NOT) /* the thread that receives sends afterwards */
        return;
    relay->input.receiving = RECEIVING;
    receive_watching(relay);
    relay->input.receiving = RECEIVING_NOT;
    if (relay->glare.state == GLARE_WITHHOLD)
        state_set_glare(relay, GLARE_WATCH);
}

/* Returns false if no more can be sent for now. (drops) */
static bool send_once(struct relay *relay, const uint8_t *data, size_t size)
{
    size_t sent;
    int error = socket_send(relay, data, size, &sent);
    if (error == 0)
        relay->transport->sent(relay, sent);
    else if (error == EAGAIN)
        note_blocked(relay);
    return error == 0 || error == EINTR;
}

static size_t next_output(struct relay *relay, const uint8_t **data)
{
    return state_holds_output(relay) ? 0 : relay->transport->output(relay, data);
}

/* (drops) */
static void send_all(struct relay *relay)
{
    relay->output.sending = true;
    if (relay->glare.state == GLARE_WITHHOLD)
        look_once_more(relay);
    for (bool more = true; more;) {
        const uint8_t *data;
        size_t size = next_output(relay, &data);
        more = size > 0 && send_once(relay, data, size);
    }
    relay->output.sending = false;
    wake_waiters(relay);
}

void loop_flush(struct relay *relay)
{
    const uint8_t *unused;
    struct output *output = &relay->output;
    if (output->sending || output->state == OUTPUT_BLOCKED || state_output_dead(relay))
        return;
    if (relay->transport->output(relay, &unused) > 0)
        send_all(relay);
    if (output->state != OUTPUT_BLOCKED)
        output->stuck_us = 0; /* all of it is in the socket's queue */
    loop_finish(relay);
}

void loop_finish(struct relay *relay)
{
    if (relay->state != RELAY_DRAIN || relay->output.sending ||
        relay->output.state != OUTPUT_OPEN || state_has_output(relay))
        return;
    state_set_output(relay, OUTPUT_FINISHING);
    wake_unlock(relay);
    int failed = shutdown(relay->fd, SHUT_WR);
    int error = errno;
    relay_lock(relay);
    if (failed && error != ENOTCONN)
        state_latch(relay, error);
    state_set_output(relay, OUTPUT_FINISHED);
    wake_waiters(relay);
}

/* ---- Poll --------------------------------------------------------------------------------- */

int64_t loop_deadline(const struct relay *relay, int64_t deadline_us)
{
    if (relay->state == RELAY_SNIFF && relay->hello_deadline_us < deadline_us)
        deadline_us = relay->hello_deadline_us;
    int64_t stuck_us = stuck_deadline(relay);
    return stuck_us < deadline_us ? stuck_us : deadline_us;
}

/* Sleeps without the lock. Returns the events of the socket. */
static short sleep_in_poll(struct relay *relay, struct pollfd *set, nfds_t count,
                           int64_t deadline_us)
{
    struct timespec left;
    state_set_loop(relay, LOOP_ASLEEP);
    relay->driver.polled = set[0].events;
    wake_unlock(relay);
    int ready = ppoll(set, count, clock_left(deadline_us, &left), NULL);
    if (ready <= 0) /* EINTR, ENOMEM: the caller looks at the state and polls again */
        for (nfds_t i = 0; i < count; i++)
            set[i].revents = 0;
    if (set[1].revents)
        wake_drain(set[1].fd);
    relay_lock(relay);
    state_set_loop(relay, LOOP_BUSY);
    return set[0].revents;
}

/* After an idle wait there is no eventfd. One wait does without it. The next one makes a new one,
 * and does not sleep in this turn, since changes meanwhile woke nobody. If no eventfd is available,
 * it sleeps for short times instead. Returns the deadline of this turn's sleep. (drops) */
static int64_t restore_wake_fd(struct relay *relay, int64_t deadline_us)
{
    if (relay->wake.skip_fd) {
        relay->wake.skip_fd = false;
        return deadline_us;
    }
    wake_unlock(relay);
    int fd = wake_make_fd();
    relay_lock(relay);
    relay->wake.fd = fd;
    if (fd >= 0)
        return 0;
    int64_t soon_us = clock_now_us() + RELAY_GRACE_US;
    return deadline_us < soon_us ? deadline_us : soon_us;
}

/* What poll reports of a socket that nothing is received from. */
static void note_end(struct relay *relay, short seen)
{
    if (seen & POLLERR)
        socket_note_error(relay);
    relay->driver.hung = relay->driver.hung || (seen & (POLLERR | POLLHUP));
    if (seen & POLLERR)
        wake_waiters(relay);
}

bool loop_turn(struct relay *relay, struct pollfd *extra, nfds_t extras, int64_t deadline_us)
{
    struct pollfd set[2 + RELAY_EXTRAS_MAX];
    if (relay->wake.fd < 0)
        deadline_us = restore_wake_fd(relay, deadline_us);
    short events = state_wanted_events(relay);
    bool polls = events || state_polls_for_error(relay, relay->waiters.awaited);
    set[0] = (struct pollfd){.fd = polls ? relay->fd : -1, .events = events};
    set[1] = (struct pollfd){.fd = relay->wake.fd, .events = POLLIN};
    for (nfds_t i = 0; i < extras; i++)
        set[2 + i] = extra[i];
    short seen = sleep_in_poll(relay, set, 2 + extras, loop_deadline(relay, deadline_us));
    bool fired = false;
    for (nfds_t i = 0; i < extras; i++) {
        extra[i].revents = set[2 + i].revents;
        fired = fired || extra[i].revents;
    }
    if ((seen & (POLLOUT | POLLERR | POLLHUP)) && relay->output.state == OUTPUT_BLOCKED)
        state_set_output(relay, OUTPUT_OPEN);
    if (seen & (POLLIN | POLLERR | POLLHUP))
        receive(relay);
    if (!events)
        note_end(relay, seen);
    loop_flush(relay);
    check_times(relay);
    return fired;
}

/* Is there input that could be received? */
static bool may_receive(struct relay *relay)
{
    return relay->input.socket != SOCKET_DRY && (state_wanted_events(relay) & POLLIN);
}

bool loop_look(struct relay *relay)
{
    enum { ROUNDS_MAX = 16 }; /* while input is discarded, it may never end */
    for (int round = 0; round < ROUNDS_MAX && may_receive(relay); round++)
        receive(relay);
    loop_flush(relay);
    check_times(relay);
    return may_receive(relay);
}
