#include "tests/support/starttls_talk.h"

#include <stdlib.h>
#include <string.h>

static void read_copy(const struct starttls_protocol *protocol, struct starttls_result *result,
                      const unsigned char *input, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size > 0)
        memcpy(copy, input, size);
    result->next = protocol->read(&result->talk, copy, size);
    free(copy);
}

static void keep_sent(struct starttls_result *result)
{
    const struct starttls_answer *answer = &result->talk.answer;
    if (result->sent_size + answer->size >= sizeof(result->sent))
        abort();
    memcpy(result->sent + result->sent_size, answer->bytes, answer->size);
    result->sent_size += answer->size;
}

/* All that the protocol does with what is there. */
static void read_all(const struct starttls_protocol *protocol, struct starttls_result *result,
                     const unsigned char *input, size_t have)
{
    do {
        read_copy(protocol, result, input + result->used, have - result->used);
        if (result->next == STARTTLS_SEND || result->next == STARTTLS_DONE)
            result->used += result->talk.used;
        if (result->next != STARTTLS_MORE)
            keep_sent(result);
    } while (result->next == STARTTLS_SEND);
}

struct starttls_result starttls_talk_read(const struct starttls_protocol *protocol,
                                          const char *name, const void *input, size_t size,
                                          size_t step)
{
    struct starttls_result result = {.next = STARTTLS_MORE, .talk = {.name = name}};
    read_all(protocol, &result, input, 0);
    for (size_t have = 0; result.next == STARTTLS_MORE && have < size;) {
        have = size - have < step ? size : have + step;
        read_all(protocol, &result, input, have);
    }
    return result;
}
