/* The pair transport: an OpenSSL BIO pair, SSL on the internal half, the I/O loop on the external
 * one. A BIO pair has no lock of its own (hazard 1): all of this is under the relay's. */
#include "relay/internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

enum { SMALL_RING = 8192 }; /* enough for a handshake and for small messages */

static bool is_empty(const struct relay *relay)
{
    return relay->rings.inbound.held == 0 && relay->rings.outbound.held == 0;
}

/* Are the rings of a size that others use, too? */
static bool is_usual(const struct relay *relay)
{
    return !relay->options.inbound_size && !relay->options.outbound_size;
}

static enum ring_kind kind_of(const struct rings *rings)
{
    return rings->inbound.size == SMALL_RING ? RING_KIND_SMALL : RING_KIND_LARGE;
}

/* Empty ones go to the pool. */
static void give_rings(struct relay *relay)
{
    struct rings *rings = &relay->rings;
    bool pooled = rings->internal && is_usual(relay) && is_empty(relay);
    struct ring_pool *pool = pooled ? relay->options.ring_pool : NULL;
    const struct ring_pair pair = {rings->internal, rings->external};
    uint64_t gift = rings->internal ? ring_pool_give(pool, kind_of(rings), pair) : 0;
    if (gift > 0)
        rings->gift = gift;
    rings->internal = rings->external = NULL;
    rings->inbound = rings->outbound = (struct ring){0};
}

/* Not while a thread is inside send or recv, which work on the rings' memory. */
static bool may_replace(const struct relay *relay)
{
    return is_empty(relay) && !relay->output.sending && relay->input.receiving != RECEIVING_IN_RING;
}

static void note_full(struct rings *rings)
{
    if (rings->size == RINGS_SMALL)
        rings->size = RINGS_OUTGROWN;
}

/* Takes a pair from the pool, or makes one. A half's size is that of the ring it writes into. */
static bool get_pair(struct relay *relay, size_t inbound, size_t outbound)
{
    struct rings *rings = &relay->rings;
    struct ring_pair pair;
    enum ring_kind kind = rings->size == RINGS_LARGE ? RING_KIND_LARGE : RING_KIND_SMALL;
    if (is_usual(relay) && ring_pool_take(relay->options.ring_pool, kind, &pair)) {
        rings->internal = pair.internal;
        rings->external = pair.external;
        return true;
    }
    return BIO_new_bio_pair(&rings->internal, outbound, &rings->external, inbound) == 1;
}

/* There are rings only while a byte needs them: small ones, and large ones once a small one was
 * full and both are empty again. */
static bool have_rings(struct relay *relay)
{
    const struct relay_options *options = &relay->options;
    struct rings *rings = &relay->rings;
    bool outgrown = rings->size == RINGS_OUTGROWN && !options->inbound_size;
    if (outgrown && may_replace(relay)) {
        give_rings(relay);
        rings->size = RINGS_LARGE;
    }
    if (rings->internal)
        return true;
    size_t usual = rings->size == RINGS_LARGE ? RELAY_DEFAULT_RING : SMALL_RING;
    size_t inbound = options->inbound_size ? options->inbound_size : usual;
    size_t outbound = options->outbound_size ? options->outbound_size : usual;
    if (!get_pair(relay, inbound, outbound))
        return false;
    rings->inbound.size = inbound;
    rings->outbound.size = outbound;
    return true;
}

static void pair_lend(struct relay *relay)
{
    if (relay->rings.internal && may_replace(relay))
        give_rings(relay);
}

/* The next rings are small again. */
static void pair_release(struct relay *relay)
{
    if (!may_replace(relay))
        return;
    give_rings(relay);
    relay->rings.size = RINGS_SMALL;
    ring_pool_leave(relay->options.ring_pool, relay->rings.gift);
}

static void pair_destroy(struct relay *relay)
{
    give_rings(relay);
}

static size_t pair_readable(struct relay *relay)
{
    return relay->rings.inbound.held;
}

static ssize_t pair_read(struct relay *relay, void *buffer, size_t size)
{
    if (relay->rings.inbound.held == 0)
        return 0;
    int got = BIO_read(relay->rings.internal, buffer, size > INT_MAX ? INT_MAX : (int)size);
    if (got <= 0)
        return 0;
    relay->rings.inbound.held -= (size_t)got;
    return got;
}

static size_t ring_put(struct relay *relay, const void *data, size_t size)
{
    int put = BIO_write(relay->rings.internal, data, size > INT_MAX ? INT_MAX : (int)size);
    if (put <= 0)
        return 0;
    relay->rings.outbound.held += (size_t)put;
    return (size_t)put;
}

static int pair_write(struct relay *relay, const void *data, size_t size)
{
    if (!have_rings(relay))
        return ENOMEM;
    size_t put = spill_size(&relay->output.spill) ? 0 : ring_put(relay, data, size);
    if (put < size)
        note_full(&relay->rings);
    return spill_append(&relay->output.spill, (const uint8_t *)data + put, size - put);
}

static bool pair_writable(struct relay *relay)
{
    const struct ring *ring = &relay->rings.outbound;
    return spill_size(&relay->output.spill) == 0 &&
           (ring->held == 0 || ring->size - ring->held >= RELAY_RECORD_ROOM);
}

static size_t pair_output(struct relay *relay, const uint8_t **data)
{
    char *start;
    if (relay->rings.outbound.held == 0)
        return 0;
    int pending = BIO_nread0(relay->rings.external, &start);
    *data = (const uint8_t *)start;
    return pending > 0 ? (size_t)pending : 0;
}

/* Takes what was sent out of the ring, and moves spilt bytes into the room. */
static void pair_sent(struct relay *relay, size_t size)
{
    char *ignored;
    (void)BIO_nread(relay->rings.external, &ignored, (int)size);
    relay->rings.outbound.held -= size;
    struct spill *spill = &relay->output.spill;
    if (spill_size(spill))
        spill_take(spill, ring_put(relay, spill->data + spill->start, spill_size(spill)));
}

static bool pair_wants_input(struct relay *relay)
{
    const struct ring *ring = &relay->rings.inbound;
    return !relay->rings.external || ring->held < ring->size;
}

/* Receives into the ring's memory. If SSL has emptied the ring meanwhile, its offset is 0 again,
 * and the bytes must be moved there (hazard 2). */
static void pair_receive(struct relay *relay)
{
    char *reserved, *committed;
    if (!have_rings(relay)) {
        socket_fail_input(relay, ENOMEM);
        return;
    }
    int room = BIO_nwrite0(relay->rings.external, &reserved);
    if (room <= 0)
        return;
    enum receiving before = relay->input.receiving;
    relay->input.receiving = RECEIVING_IN_RING;
    size_t got = socket_receive(relay, reserved, (size_t)room);
    relay->input.receiving = before;
    if (got == (size_t)room)
        note_full(&relay->rings);
    if (got == 0)
        return;
    (void)BIO_nwrite(relay->rings.external, &committed, (int)got);
    relay->rings.inbound.held += got;
    if (committed != reserved)
        memmove(committed, reserved, got);
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
    .lend = pair_lend,
    .release = pair_release,
    .destroy = pair_destroy,
};
