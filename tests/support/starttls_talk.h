/* Talks of a peer in clear before TLS (server/daemon/starttls/protocol.h), for tests. */
#ifndef ACTPASS_TESTS_SUPPORT_STARTTLS_TALK_H
#define ACTPASS_TESTS_SUPPORT_STARTTLS_TALK_H

#include "server/daemon/starttls/protocol.h"

#include <stdlib.h>
#include <string.h>

struct starttls_result {
    enum starttls_next next;   /* STARTTLS_MORE: the input has ended before the talk */
    struct starttls_talk talk; /* as it was left */
    size_t used;               /* of the input, in all */
    unsigned char sent[4 * STARTTLS_ANSWER_MAX]; /* with a zero behind it */
    size_t sent_size;                            /* by STARTTLS_SEND and the end */
};

static inline void starttls_talk_read_copy(const struct starttls_protocol *protocol,
                                           struct starttls_result *result,
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

static inline void starttls_talk_keep_sent(struct starttls_result *result)
{
    const struct starttls_answer *answer = &result->talk.answer;
    if (result->sent_size + answer->size >= sizeof(result->sent))
        abort();
    memcpy(result->sent + result->sent_size, answer->bytes, answer->size);
    result->sent_size += answer->size;
}

/* All that the protocol does with what is there. */
static inline void starttls_talk_read_all(const struct starttls_protocol *protocol,
                                          struct starttls_result *result,
                                          const unsigned char *input, size_t have)
{
    do {
        starttls_talk_read_copy(protocol, result, input + result->used, have - result->used);
        if (result->next == STARTTLS_SEND || result->next == STARTTLS_DONE)
            result->used += result->talk.used;
        if (result->next != STARTTLS_MORE)
            starttls_talk_keep_sent(result);
    } while (result->next == STARTTLS_SEND);
}

/* Lets a protocol read SIZE bytes, which come in pieces of STEP bytes; each call sees a copy of
 * exactly what is there, so that a sanitizer notices more. NAME: as talk->name. */
static inline struct starttls_result starttls_talk_read(const struct starttls_protocol *protocol,
                                                        const char *name, const void *input,
                                                        size_t size, size_t step)
{
    struct starttls_result result = {.next = STARTTLS_MORE,
                                     .talk = {.name = name, .protocol = protocol}};
    starttls_talk_read_all(protocol, &result, input, 0);
    for (size_t have = 0; result.next == STARTTLS_MORE && have < size;) {
        have = size - have < step ? size : have + step;
        starttls_talk_read_all(protocol, &result, input, have);
    }
    return result;
}

#endif
