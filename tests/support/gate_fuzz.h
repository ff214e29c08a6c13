/* What must hold for any bytes that a client sends to a gate: the result does not depend on how
 * they are split, a name is in its one form, and the talk ends within GATE_INPUT_MAX. */
#ifndef ACTPASS_TESTS_SUPPORT_GATE_FUZZ_H
#define ACTPASS_TESTS_SUPPORT_GATE_FUZZ_H

#include "server/daemon/gate/protocol.h"

#include <stdlib.h>
#include <string.h>

static inline void gate_fuzz_must(bool condition)
{
    if (!condition)
        abort();
}

/* Reads until the talk needs more than there is, or ends. Returns how much was used. */
static inline size_t gate_fuzz_read(const struct gate_protocol *protocol, struct gate_talk *talk,
                                    enum gate_next *next, const uint8_t *data, size_t size)
{
    size_t used = 0;
    do {
        *next = protocol->read(talk, data + used, size - used);
        used += *next == GATE_MORE ? 0 : talk->used;
        gate_fuzz_must(used <= size && talk->answer.size <= GATE_ANSWER_MAX);
    } while (*next == GATE_SEND);
    return used;
}

static inline void gate_fuzz_name(const struct gate_request *request)
{
    struct gate_request again = {.port = 0};
    gate_fuzz_must(request->port != 0 &&
                   gate_take_name(&again, request->name, strlen(request->name)));
    gate_fuzz_must(strcmp(again.name, request->name) == 0);
    gate_fuzz_must(again.is_address == request->is_address);
}

static inline void gate_fuzz(const struct gate_protocol *protocol, const uint8_t *data, size_t size)
{
    uint8_t *input = malloc(size ? size : 1); /* of the exact size, for the sanitizer */
    struct gate_talk at_once = {.used = 0}, by_byte = at_once;
    gate_fuzz_must(input);
    if (size > 0)
        memcpy(input, data, size);
    enum gate_next next, slow = GATE_MORE;
    size_t used = gate_fuzz_read(protocol, &at_once, &next, input, size), slowly = 0;
    for (size_t have = 1; have <= size && slow == GATE_MORE; have++)
        slowly += gate_fuzz_read(protocol, &by_byte, &slow, input + slowly, have - slowly);
    gate_fuzz_must(next == slow && (next != GATE_MORE || size < GATE_INPUT_MAX + 512));
    if (next == GATE_NAMED) {
        gate_fuzz_must(used == slowly && strcmp(at_once.request.name, by_byte.request.name) == 0);
        gate_fuzz_name(&at_once.request);
    }
    free(input);
}

#endif
