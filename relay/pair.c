/* The pair transport: an OpenSSL BIO pair, SSL on the internal half, the pump on the external one.
 * A BIO pair has no lock of its own (hazard 1): all of this is under the relay's. */
#include "relay/internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

static size_t pair_readable(struct relay *relay)
{
    return BIO_ctrl_pending(relay->internal);
}

static ssize_t pair_read(struct relay *relay, void *buffer, size_t size)
{
    int got = BIO_read(relay->internal, buffer, size > INT_MAX ? INT_MAX : (int)size);
    return got > 0 ? got : 0;
}

static size_t ring_put(struct relay *relay, const void *data, size_t size)
{
    int put = BIO_write(relay->internal, data, size > INT_MAX ? INT_MAX : (int)size);
    return put > 0 ? (size_t)put : 0;
}

static int pair_write(struct relay *relay, const void *data, size_t size)
{
    size_t put = spill_size(&relay->spill) ? 0 : ring_put(relay, data, size);
    return spill_append(&relay->spill, (const uint8_t *)data + put, size - put);
}

static bool pair_writable(struct relay *relay)
{
    if (spill_size(&relay->spill))
        return false;
    return BIO_ctrl_get_write_guarantee(relay->internal) >= RELAY_RECORD_ROOM ||
           BIO_ctrl_pending(relay->external) == 0;
}

static size_t pair_output(struct relay *relay, const uint8_t **data)
{
    char *start;
    int pending = BIO_nread0(relay->external, &start);
    *data = (const uint8_t *)start;
    return pending > 0 ? (size_t)pending : 0;
}

/* Takes what was sent out of the ring, and moves spilt bytes into the room. */
static void pair_sent(struct relay *relay, size_t size)
{
    char *ignored;
    (void)BIO_nread(relay->external, &ignored, (int)size);
    struct spill *spill = &relay->spill;
    if (spill_size(spill))
        spill_take(spill, ring_put(relay, spill->data + spill->start, spill_size(spill)));
}

static bool pair_wants_input(struct relay *relay)
{
    return BIO_ctrl_get_write_guarantee(relay->external) > 0;
}

/* Receives into the ring itself. If SSL emptied it meanwhile, its offset went back to 0 and the bytes
 * must follow (hazard 2). */
static void pair_receive(struct relay *relay)
{
    char *reserved, *committed;
    int room = BIO_nwrite0(relay->external, &reserved);
    if (room <= 0)
        return;
    size_t size = pump_capped(relay, (size_t)room);
    relay_unlock(relay);
    ssize_t got = recv(relay->fd, reserved, size, MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    if (got > 0) {
        (void)BIO_nwrite(relay->external, &committed, (int)got);
        if (committed != reserved)
            memmove(committed, reserved, (size_t)got);
    }
    pump_received(relay, got, error);
}

const struct transport transport_pair = {
    .readable = pair_readable,
    .read = pair_read,
    .write = pair_write,
    .writable = pair_writable,
    .output = pair_output,
    .sent = pair_sent,
    .wants_input = pair_wants_input,
    .receive = pair_receive,
};
