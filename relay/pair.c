/* The pair transport: an OpenSSL BIO pair, SSL on the internal half, the pump on the external one.
 * A BIO pair has no lock of its own (hazard 1): all of this is under the relay's. */
#include "relay/internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

/* Enough for a handshake and for small messages. */
enum { SMALL_RING = 8192 };

static void free_rings(struct relay *relay)
{
    BIO_free(relay->internal);
    BIO_free(relay->external);
    relay->internal = relay->external = NULL;
}

static bool is_empty(const struct relay *relay)
{
    return BIO_ctrl_pending(relay->internal) == 0 && BIO_ctrl_pending(relay->external) == 0;
}

/* The rings are made when the first byte needs them: small, and large once a small one was full and
 * both are empty again. Nobody may be inside send or recv then, for those work on the rings' own
 * memory. */
static bool have_rings(struct relay *relay)
{
    const struct relay_options *options = &relay->options;
    bool replace = relay->ring_full && !relay->large_rings && !options->inbound_size;
    if (replace && relay->internal && is_empty(relay) && !relay->sending && !relay->in_recv) {
        free_rings(relay);
        relay->large_rings = true;
    }
    if (relay->internal)
        return true;
    size_t usual = relay->large_rings ? RELAY_DEFAULT_RING : SMALL_RING;
    size_t inbound = options->inbound_size ? options->inbound_size : usual;
    size_t outbound = options->outbound_size ? options->outbound_size : usual;
    /* A half's size is that of the ring it writes into. */
    return BIO_new_bio_pair(&relay->internal, outbound, &relay->external, inbound);
}

/* In a long wait the memory goes back; what comes next may be small again. */
static void pair_release(struct relay *relay)
{
    if (relay->internal && !is_empty(relay))
        return;
    free_rings(relay);
    relay->large_rings = relay->ring_full = false;
}

static size_t pair_readable(struct relay *relay)
{
    if (!relay->internal)
        return 0;
    return BIO_ctrl_pending(relay->internal);
}

static ssize_t pair_read(struct relay *relay, void *buffer, size_t size)
{
    if (!relay->internal)
        return 0;
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
    if (!have_rings(relay))
        return ENOMEM;
    size_t put = spill_size(&relay->spill) ? 0 : ring_put(relay, data, size);
    if (put < size)
        relay->ring_full = true;
    return spill_append(&relay->spill, (const uint8_t *)data + put, size - put);
}

static bool pair_writable(struct relay *relay)
{
    if (spill_size(&relay->spill))
        return false;
    return !relay->internal || BIO_ctrl_get_write_guarantee(relay->internal) >= RELAY_RECORD_ROOM ||
           BIO_ctrl_pending(relay->external) == 0;
}

static size_t pair_output(struct relay *relay, const uint8_t **data)
{
    char *start;
    if (!relay->external)
        return 0;
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
    return !relay->external || BIO_ctrl_get_write_guarantee(relay->external) > 0;
}

/* Receives into the ring itself. If SSL emptied it meanwhile, its offset went back to 0 and the
 * bytes must follow (hazard 2). */
static void pair_receive(struct relay *relay)
{
    char *reserved, *committed;
    if (!have_rings(relay)) {
        pump_received(relay, -1, ENOMEM);
        return;
    }
    int room = BIO_nwrite0(relay->external, &reserved);
    if (room <= 0)
        return;
    size_t size = pump_capped(relay, (size_t)room);
    relay->in_recv = true;
    relay_unlock(relay);
    ssize_t got = recv(relay->fd, reserved, size, MSG_DONTWAIT);
    int error = errno;
    relay_lock(relay);
    relay->in_recv = false;
    if (got == room)
        relay->ring_full = true;
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
    .release = pair_release,
};
