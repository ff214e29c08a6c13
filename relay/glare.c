/* Two peers that are both silent until their timeouts may both send a ClientHello. This file keeps
 * a client by silence from sending one to a peer that sends its own at the same moment, and
 * resolves the case that both were sent. relay/GLARE.md has the rule, and why it is safe.
 *
 *   withhold   our ClientHello is in the transport; one last look at the socket before it is sent
 *   held       the look has found the beginning of a record: we wait for the rest
 *   watch      our ClientHello was sent; is the first input another ClientHello?
 */
#include "relay/internal.h"

#include <stdlib.h>
#include <string.h>

void glare_begin(struct relay *relay)
{
    if (relay->options.transport == RELAY_PAIR)
        state_set_glare(relay, GLARE_WITHHOLD);
}

void glare_end(struct relay *relay)
{
    state_set_glare(relay, GLARE_OFF);
    free(relay->glare.own_hello.data);
    relay->glare.own_hello = (struct spill){0};
}

void glare_note_output(struct relay *relay, const void *data, size_t size)
{
    struct spill *own = &relay->glare.own_hello;
    if (relay->glare.state != GLARE_WITHHOLD || hello_classify(own->data, own->end) == HELLO_CLIENT)
        return;
    /* Without our own hello there is nothing to compare: go on without the rule. */
    if (own->end + size > HELLO_MAX || spill_append(own, data, size))
        glare_end(relay);
}

/* Changes the role that was announced. The BIO of the old SSL object asks for retries from now on;
 * the conversation makes a new one. */
static void revise(struct relay *relay, enum role role, enum cause cause)
{
    state_set_verdict(relay, role, cause);
    relay->ssl.revised = true;
    glare_end(relay);
}

static void discard_output(struct relay *relay)
{
    const uint8_t *data;
    size_t size = relay->transport->output(relay, &data);
    while (size > 0) {
        relay->transport->sent(relay, size);
        size = relay->transport->output(relay, &data);
    }
}

/* Removes the peer's hello, which ends at END, from the front: our client must not read it. */
static void drop_hello(struct first_bytes *first, size_t end)
{
    memmove(first->data, first->data + end, first->length - end);
    first->length -= end;
}

/* The handshake of the other hello is bound to this digest (GLARE.md, step 4). */
static void note_dropped(struct relay *relay, const uint8_t digest[HELLO_DIGEST])
{
    memcpy(relay->glare.digest, digest, HELLO_DIGEST);
    relay->glare.dropped = true;
}

/* Both hellos were sent. The peer with the larger digest stays client (hazard 29). */
static void compare(struct relay *relay)
{
    uint8_t ours[HELLO_DIGEST], theirs[HELLO_DIGEST];
    size_t own_end = hello_digest(relay->glare.own_hello.data, relay->glare.own_hello.end, ours);
    size_t end = hello_digest(relay->input.first.data, relay->input.first.length, theirs);
    if (own_end == 0 || end == 0) { /* SSLv2 format, for example: SSL reads and refuses it */
        glare_end(relay);
        return;
    }
    int order = memcmp(ours, theirs, sizeof(ours));
    if (order == 0) {
        revise(relay, ROLE_NONE, CAUSE_REFLECTION);
    } else if (order < 0) {
        note_dropped(relay, ours);
        revise(relay, ROLE_SERVER, CAUSE_GLARE_LOST);
    } else {
        note_dropped(relay, theirs);
        state_set_verdict(relay, relay->verdict.role, CAUSE_GLARE_WON);
        drop_hello(&relay->input.first, end);
        glare_end(relay);
    }
}

void glare_judge(struct relay *relay)
{
    switch (hello_classify(relay->input.first.data, relay->input.first.length)) {
    case HELLO_PARTIAL:
        if (relay->glare.state == GLARE_WITHHOLD)
            state_set_glare(relay, GLARE_HELD);
        return;
    case HELLO_CLIENT:
        break;
    default: /* a ServerHello, an alert or garbage: SSL reads it */
        glare_end(relay);
        return;
    }
    if (relay->glare.state == GLARE_WATCH) {
        compare(relay);
        return;
    }
    discard_output(relay); /* none of it was sent */
    revise(relay, ROLE_SERVER, CAUSE_CLIENT_HELLO_LATE);
}

/* ---- Called by the owner ------------------------------------------------------------------ */

bool relay_may_glare(struct relay *relay)
{
    relay_lock(relay);
    bool may = state_takes_input(relay);
    relay_unlock(relay);
    return may;
}

bool relay_dropped_hello(struct relay *relay, uint8_t digest[HELLO_DIGEST])
{
    relay_lock(relay);
    bool dropped = relay->glare.dropped;
    memcpy(digest, relay->glare.digest, HELLO_DIGEST);
    relay_unlock(relay);
    return dropped;
}

static bool resolved_glare(enum cause cause)
{
    return cause == CAUSE_GLARE_WON || cause == CAUSE_GLARE_LOST;
}

bool relay_has_resolved_glare(struct relay *relay)
{
    relay_lock(relay);
    bool resolved = resolved_glare(relay->verdict.cause);
    relay_unlock(relay);
    return resolved;
}

void relay_glare_failed(struct relay *relay)
{
    relay_lock(relay);
    if (resolved_glare(relay->verdict.cause))
        state_set_verdict(relay, relay->verdict.role, CAUSE_GLARE_UNSUPPORTED);
    relay_unlock(relay);
}
