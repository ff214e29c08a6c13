/* Gives two first flights to the glare rule, as both ends see them. Exactly one end must go on as
 * client, or both must find a reflection. The ClientHello with the smaller digest is dropped, and
 * no byte after it. */
#include "relay/internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static struct relay *judge(const uint8_t *own, size_t own_size, const uint8_t *first, size_t size)
{
    struct relay *relay = calloc(1, sizeof(*relay));
    if (!relay || state_init_locks(relay))
        abort();
    relay->glare.state = GLARE_WATCH;
    relay->verdict = (struct verdict){.role = ROLE_CLIENT, .cause = CAUSE_SILENCE};
    relay->glare.own_hello = (struct spill){.data = copy_of(own, own_size), .end = own_size};
    relay->input.first = (struct first_bytes){.data = copy_of(first, size), .length = size};
    relay_lock(relay);
    glare_judge(relay);
    relay_unlock(relay);
    size_t dropped = size - relay->input.first.length;
    if (relay->input.first.length > size ||
        (relay->input.first.length &&
         memcmp(relay->input.first.data, first + dropped, size - dropped) != 0))
        abort();
    if ((relay->verdict.cause == CAUSE_GLARE_WON) != (dropped > 0) ||
        (relay->verdict.cause == CAUSE_GLARE_LOST) != (relay->verdict.role == ROLE_SERVER) ||
        (relay->verdict.cause == CAUSE_REFLECTION) != (relay->verdict.role == ROLE_NONE))
        abort();
    return relay;
}

static void free_relay(struct relay *relay)
{
    relay_lock(relay);
    glare_end(relay);
    relay_unlock(relay);
    state_destroy_locks(relay);
    free(relay->input.first.data);
    free(relay);
}

/* The first two bytes say where the second flight begins. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = ((size_t)data[0] << 8 | data[1]) % (size - 1);
    const uint8_t *one = data + 2, *other = one + cut;
    size_t left = size - 2 - cut;
    struct relay *a = judge(one, cut, other, left), *b = judge(other, left, one, cut);
    bool won = a->verdict.cause == CAUSE_GLARE_WON, lost = a->verdict.cause == CAUSE_GLARE_LOST;
    if (won != (b->verdict.cause == CAUSE_GLARE_LOST) ||
        lost != (b->verdict.cause == CAUSE_GLARE_WON) ||
        (a->verdict.cause == CAUSE_REFLECTION) != (b->verdict.cause == CAUSE_REFLECTION))
        abort();
    if ((won || lost) && (!a->glare.dropped || !b->glare.dropped ||
                          memcmp(a->glare.digest, b->glare.digest, HELLO_DIGEST) != 0))
        abort();
    free_relay(a);
    free_relay(b);
    return 0;
}
