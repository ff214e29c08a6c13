/* The direct transport: SSL reads and writes the socket itself. What the socket does not take of a
 * record is spilt, so that here, too, no record is left half written. There is no relay thread and
 * no ring: while the conversation is outside a call, nothing moves. */
#include "relay/internal.h"

#include <errno.h>
#include <sys/socket.h>

static size_t direct_readable(struct relay *relay)
{
    return relay->input_ready ? 1 : 0;
}

static ssize_t direct_read(struct relay *relay, void *buffer, size_t size)
{
    if (relay->input_dead)
        return 0;
    relay_unlock(relay);
    ssize_t got = recv(relay->fd, buffer, pump_capped(relay, size), MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    relay->input_ready = got == (ssize_t)size; /* less: the socket is empty, or capped */
    pump_received(relay, got, error);
    if (relay->input_dead)
        wait_wake(relay);
    return got > 0 ? got : 0;
}

/* Sends while nothing is spilt: then nobody else has a reason to send. */
static int direct_write(struct relay *relay, const void *data, size_t size)
{
    relay->followers++;
    while (relay->sending) /* from the spill, which must not move meanwhile */
        pthread_cond_wait(&relay->arrived, &relay->lock);
    relay->followers--;
    if (spill_size(&relay->spill) || relay->output_blocked)
        return spill_append(&relay->spill, data, size);
    relay->sending = true;
    relay_unlock(relay);
    ssize_t sent = send(relay->fd, data, pump_capped(relay, size), MSG_NOSIGNAL | MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    relay->sending = false;
    if (sent < 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR) {
        relay_latch(relay, error);
        relay->output_dead = true;
        wait_wake(relay);
        return error;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    relay->sent += taken;
    return spill_append(&relay->spill, (const uint8_t *)data + taken, size - taken);
}

static bool direct_writable(struct relay *relay)
{
    return spill_size(&relay->spill) == 0;
}

static size_t direct_output(struct relay *relay, const uint8_t **data)
{
    *data = relay->spill.data + relay->spill.start;
    return spill_size(&relay->spill);
}

static void direct_sent(struct relay *relay, size_t size)
{
    spill_take(&relay->spill, size);
}

static bool direct_wants_input(struct relay *relay)
{
    return !relay->input_ready;
}

static void direct_receive(struct relay *relay)
{
    relay->input_ready = true; /* the conversation's next read tells */
}

const struct transport transport_direct = {
    .readable = direct_readable,
    .read = direct_read,
    .write = direct_write,
    .writable = direct_writable,
    .output = direct_output,
    .sent = direct_sent,
    .wants_input = direct_wants_input,
    .receive = direct_receive,
};
