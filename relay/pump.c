/* The pump: what moves bytes between the socket and the transport. One thread at a time polls and
 * receives (relay->polling), one at a time sends (relay->sending); they may be two. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

size_t pump_capped(const struct relay *relay, size_t size)
{
    size_t cap = relay->options.io_cap;
    return cap && size > cap ? cap : size;
}

bool pump_has_output(struct relay *relay)
{
    const uint8_t *data;
    return !relay->output_dead && relay->transport->output(relay, &data) > 0;
}

/* What lies in the socket's own queue, unsent or not acknowledged; 0 if it cannot be told. (drops)
 */
static int queue_size(struct relay *relay)
{
    int size = 0;
    relay_unlock(relay);
    bool failed = ioctl(relay->fd, SIOCOUTQ, &size) != 0;
    relay_lock(relay);
    return failed ? 0 : size;
}

/* Bytes that have left the socket's queue. (drops) */
static int64_t taken_by_peer(struct relay *relay)
{
    int queued = queue_size(relay);
    return (int64_t)relay->sent - queued;
}

/* Output waits: from here on the peer has to take some of it within each write timeout. What the
 * socket itself takes does not count, since its queue is large, and it says that there is room only
 * when a good part of that has gone. */
static void note_blocked(struct relay *relay)
{
    relay->output_blocked = true;
    if (relay->stuck_us)
        return;
    relay->stuck_us = clock_now_us();
    relay->stuck_taken = taken_by_peer(relay);
}

/* Did the peer take enough of it since then? One that takes a few bytes a second must not hold a
 * connection for ever. The measure begins anew. (drops) */
static bool peer_progressed(struct relay *relay)
{
    enum { BYTES_PER_SECOND_MIN = 64 };
    int64_t before = relay->stuck_taken;
    int64_t wanted = relay->options.write_timeout_ms * BYTES_PER_SECOND_MIN / 1000;
    relay->stuck_taken = taken_by_peer(relay);
    return relay->stuck_taken - before >= (wanted > 0 ? wanted : 1);
}

/* Sends once. False when there is no more to send for now. */
static bool send_once(struct relay *relay, const uint8_t *data, size_t size)
{
    bool connected = !relay->unconnected;
    size = pump_capped(relay, size);
    relay_unlock(relay);
    ssize_t sent = connected ? send(relay->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                             : fastopen_send(relay, data, size);
    int error = errno;
    relay_lock(relay);
    relay->unconnected = false;
    if (sent > 0) {
        relay->syn_sent = relay->syn_sent || !connected;
        relay->transport->sent(relay, (size_t)sent);
        relay->sent += (uint64_t)sent;
        return true;
    }
    if (sent < 0 && error == EINTR)
        return true;
    if (error == EAGAIN || error == EWOULDBLOCK) {
        note_blocked(relay);
        return false;
    }
    relay_latch(relay, error);
    relay->output_dead = true;
    return false;
}

/* Bytes that come while glare is possible are looked at before SSL gets them. */
static void receive_watching(struct relay *relay)
{
    if (sniff_read(relay))
        glare_judge(relay);
    else if (relay->input_dead)
        glare_end(relay);
}

/* The last look before our ClientHello is sent: has the peer spoken after all? */
static void look_once_more(struct relay *relay)
{
    if (relay->receiving) /* whoever receives sends afterwards */
        return;
    relay->receiving = true;
    receive_watching(relay);
    relay->receiving = false;
    if (relay->glare == GLARE_WITHHOLD)
        relay->glare = GLARE_WATCH;
}

void pump_flush(struct relay *relay)
{
    const uint8_t *data;
    size_t size;
    if (relay->sending || relay->output_blocked || relay->output_dead)
        return;
    relay->sending = true;
    if (relay->glare == GLARE_WITHHOLD && pump_has_output(relay))
        look_once_more(relay);
    while (!glare_holds_output(relay) && (size = relay->transport->output(relay, &data)) > 0)
        if (!send_once(relay, data, size))
            break;
    relay->sending = false;
    if (!relay->output_blocked)
        relay->stuck_us = 0; /* all of it is in the socket's queue */
    wait_wake(relay);
    pump_finish(relay);
}

void pump_finish(struct relay *relay)
{
    if (relay->state != RELAY_DRAIN || relay->fin_sent || relay->sending || relay->output_dead ||
        pump_has_output(relay))
        return;
    relay->fin_sent = true;
    relay_unlock(relay);
    int failed = shutdown(relay->fd, SHUT_WR);
    int error = errno;
    relay_lock(relay);
    if (failed && error != ENOTCONN)
        relay_latch(relay, error);
    wait_wake(relay);
}

void pump_received(struct relay *relay, ssize_t got, int error)
{
    if (got > 0) {
        if (relay->received == 0 && relay->verdict.first_byte_us < 0) {
            relay->verdict.first_byte_us = clock_now_us() - relay->accepted_us;
            relay->verdict.peer_spoke_first = relay->sent == 0;
        }
        relay->received += (uint64_t)got;
        return;
    }
    if (got < 0 && (error == EAGAIN || error == EWOULDBLOCK || error == EINTR))
        return;
    relay->input_dead = true;
    if (got < 0)
        relay_latch(relay, error);
    else if (relay->error == 0)
        relay->eof =
            true; /* after an error, 0 only means that the reset was consumed (hazard 18) */
}

static void receive_discarding(struct relay *relay)
{
    uint8_t scratch[4096];
    relay_unlock(relay);
    ssize_t got = recv(relay->fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    pump_received(relay, got, error);
}

static void pump_receive(struct relay *relay)
{
    if (relay->input_dead || relay->receiving)
        return;
    relay->receiving = true;
    if (relay->discarding)
        receive_discarding(relay);
    else if (relay->state == RELAY_SNIFF)
        sniff_receive(relay);
    else if (glare_takes_input(relay))
        receive_watching(relay);
    else
        relay->transport->receive(relay);
    relay->receiving = false;
    wait_wake(relay);
}

/* What the socket must be polled for now; 0 keeps it out of the poll set, since a reset would make
 * poll return at once for ever (hazard 9). */
static short wanted_events(struct relay *relay)
{
    short events = 0;
    if (relay->unconnected)
        return 0;
    if (!relay->input_dead && (relay->discarding || relay->state == RELAY_SNIFF ||
                               glare_takes_input(relay) || relay->transport->wants_input(relay)))
        events |= POLLIN;
    if (relay->output_blocked && !relay->output_dead)
        events |= POLLOUT;
    return events;
}

bool pump_polls_socket(struct relay *relay)
{
    return wanted_events(relay) != 0;
}

void pump_changed(struct relay *relay)
{
    if (!relay->asleep)
        return;
    bool unsent = !relay->sending && !relay->output_blocked && relay->glare != GLARE_HELD &&
                  pump_has_output(relay);
    if (unsent || (wanted_events(relay) & ~relay->polled))
        pump_kick(relay);
}

void pump_kick(struct relay *relay)
{
    if (relay->asleep && !relay->kicked)
        relay->kick = relay->kicked = true;
}

/* When stuck output is given up. Output that is dead already has no time limit: it would be past
 * for ever, and poll would return at once. */
static int64_t stuck_deadline(const struct relay *relay)
{
    if (!relay->stuck_us || relay->options.write_timeout_ms < 0 || relay->output_dead)
        return DEADLINE_NEVER;
    return relay->stuck_us + relay->options.write_timeout_ms * 1000;
}

/* The earliest of the caller's deadline, the sniffing's and the write timeout's. */
static int64_t turn_deadline(const struct relay *relay, int64_t deadline_us)
{
    if (relay->state == RELAY_SNIFF && relay->hello_deadline_us < deadline_us)
        deadline_us = relay->hello_deadline_us;
    int64_t stuck_us = stuck_deadline(relay);
    return stuck_us < deadline_us ? stuck_us : deadline_us;
}

static void check_times(struct relay *relay)
{
    sniff_check_time(relay);
    int64_t deadline_us = stuck_deadline(relay);
    if (deadline_us == DEADLINE_NEVER || clock_now_us() < deadline_us)
        return;
    int64_t since_us = relay->stuck_us;
    bool progressed = peer_progressed(relay);
    if (relay->stuck_us != since_us) /* another thread has sent meanwhile */
        return;
    if (progressed) {
        relay->stuck_us = clock_now_us();
        return;
    }
    relay->timed_out = true;
    relay_latch(relay, ETIMEDOUT);
    relay->output_dead = true;
    wait_wake(relay);
}

/* Empties the control pipe: before the state is read again, or a wake-up is lost (hazard 8). */
static void drain_wake(int wake_fd)
{
    eventfd_t count;
    while (eventfd_read(wake_fd, &count) < 0 && errno == EINTR)
        ;
}

/* Sleeps without the lock. Returns what the socket has. */
static short sleep_in_poll(struct relay *relay, struct pollfd *set, nfds_t count,
                           int64_t deadline_us)
{
    struct timespec left;
    relay->asleep = true;
    relay->polled = set[0].events;
    relay_unlock(relay);
    int ready = ppoll(set, count, clock_left(deadline_us, &left), NULL);
    if (ready <= 0) /* EINTR, ENOMEM: the caller looks at its state and comes again */
        for (nfds_t i = 0; i < count; i++)
            set[i].revents = 0;
    if (set[1].revents)
        drain_wake(relay->wake_fd);
    relay_lock(relay);
    relay->asleep = false;
    relay->kicked = false;
    return set[0].revents;
}

/* After an idle wait there is no control pipe; one goes without it for that wait only. Where none
 * is to be had, it sleeps for short times instead. With a new one it does not sleep in this turn:
 * nobody was kicked for what has changed while it was made. */
static int64_t restore_pipe(struct relay *relay, int64_t deadline_us)
{
    if (relay->pipeless) {
        relay->pipeless = false;
        return deadline_us;
    }
    relay_unlock(relay);
    int wake_fd = relay_make_wake_fd();
    relay_lock(relay);
    relay->wake_fd = wake_fd;
    if (wake_fd >= 0)
        return 0;
    int64_t soon_us = clock_now_us() + RELAY_GRACE_US;
    return deadline_us < soon_us ? deadline_us : soon_us;
}

bool pump_turn(struct relay *relay, struct pollfd *extra, nfds_t extras, int64_t deadline_us)
{
    struct pollfd set[2 + RELAY_MOST_EXTRAS];
    if (relay->wake_fd < 0)
        deadline_us = restore_pipe(relay, deadline_us);
    short events = wanted_events(relay);
    set[0] = (struct pollfd){.fd = events ? relay->fd : -1, .events = events};
    set[1] = (struct pollfd){.fd = relay->wake_fd, .events = POLLIN};
    for (nfds_t i = 0; i < extras; i++)
        set[2 + i] = extra[i];
    short seen = sleep_in_poll(relay, set, 2 + extras, turn_deadline(relay, deadline_us));
    bool fired = false;
    for (nfds_t i = 0; i < extras; i++) {
        extra[i].revents = set[2 + i].revents;
        fired = fired || extra[i].revents;
    }
    if (seen & (POLLOUT | POLLERR | POLLHUP))
        relay->output_blocked = false;
    if (seen & (POLLIN | POLLERR | POLLHUP))
        pump_receive(relay);
    pump_flush(relay);
    check_times(relay);
    return fired;
}
