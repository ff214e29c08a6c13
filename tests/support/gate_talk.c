#include "tests/support/gate_talk.h"

#include <stdlib.h>
#include <string.h>

static enum gate_next read_copy(const struct gate_protocol *protocol, struct gate_result *result,
                                const unsigned char *input, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size > 0)
        memcpy(copy, input, size);
    enum gate_next next = protocol->read(&result->talk, copy, size);
    free(copy);
    return next;
}

static void keep_sent(struct gate_result *result)
{
    const struct gate_answer *answer = &result->talk.answer;
    if (result->sent_size + answer->size > sizeof(result->sent))
        abort();
    memcpy(result->sent + result->sent_size, answer->bytes, answer->size);
    result->sent_size += answer->size;
}

struct gate_result gate_talk_read(const struct gate_protocol *protocol, const void *input,
                                  size_t size, size_t step)
{
    struct gate_result result = {.next = GATE_MORE};
    size_t have = 0;
    while (result.next == GATE_MORE && have < size) {
        have = size - have < step ? size : have + step;
        do {
            result.next = read_copy(protocol, &result, (const unsigned char *)input + result.used,
                                    have - result.used);
            result.used += result.next == GATE_MORE ? 0 : result.talk.used;
            if (result.next == GATE_SEND)
                keep_sent(&result);
        } while (result.next == GATE_SEND);
    }
    return result;
}

const char *gate_talk_answer(struct gate_result *result)
{
    struct gate_answer *answer = &result->talk.answer;
    size_t end = answer->size < sizeof(answer->bytes) ? answer->size : sizeof(answer->bytes) - 1;
    answer->bytes[end] = '\0';
    return (const char *)answer->bytes;
}
