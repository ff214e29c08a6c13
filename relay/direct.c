/* The direct transport: SSL reads and writes the socket itself. What the socket does not take of a
 * record is spilt, so no record is left half written. There is no relay thread and no ring: while
 * the conversation is outside any call, no byte is moved. */
#include "relay/clock.h"
#include "relay/internal.h"

#include <errno.h>

static size_t direct_readable(struct relay *relay)
{
    return relay->input.ready ? 1 : 0;
}

static ssize_t direct_read(struct relay *relay, void *buffer, size_t size)
{
    if (state_input_over(relay))
        return 0;
    size_t got = socket_receive(relay, buffer, size);
    relay->input.ready = got == size; /* less: the socket is empty, or capped */
    if (state_input_over(relay))
        wake_waiters(relay);
    return (ssize_t)got;
}

/* While a thread sends from the spill, its memory must stay where it is. (drops) */
static void wait_for_sender(struct relay *relay)
{
    relay->waiters.followers++;
    while (relay->output.sending)
        (void)wake_sleep(relay, &relay->waiters.arrived, DEADLINE_NEVER);
    relay->waiters.followers--;
}

/* Sends only if nothing is spilt: then no other thread has a reason to send. */
static int direct_write(struct relay *relay, const void *data, size_t size)
{
    size_t sent;
    struct output *output = &relay->output;
    wait_for_sender(relay);
    if (spill_size(&output->spill) || output->state == OUTPUT_BLOCKED)
        return spill_append(&output->spill, data, size);
    output->sending = true;
    int error = socket_send(relay, data, size, &sent);
    output->sending = false;
    if (error && error != EAGAIN && error != EINTR) {
        wake_waiters(relay);
        return error;
    }
    return spill_append(&output->spill, (const uint8_t *)data + sent, size - sent);
}

static bool direct_writable(struct relay *relay)
{
    return spill_size(&relay->output.spill) == 0;
}

static size_t direct_output(struct relay *relay, const uint8_t **data)
{
    *data = relay->output.spill.data + relay->output.spill.start;
    return spill_size(&relay->output.spill);
}

static void direct_sent(struct relay *relay, size_t size)
{
    spill_take(&relay->output.spill, size);
}

static bool direct_wants_input(struct relay *relay)
{
    return !relay->input.ready;
}

static void direct_receive(struct relay *relay)
{
    relay->input.ready = true; /* the conversation's next read receives */
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
