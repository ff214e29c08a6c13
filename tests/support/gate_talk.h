/* Talks of a client with a gate, for tests. */
#ifndef ACTPASS_TESTS_SUPPORT_GATE_TALK_H
#define ACTPASS_TESTS_SUPPORT_GATE_TALK_H

#include "server/daemon/gate/protocol.h"

struct gate_result {
    enum gate_next next;   /* GATE_MORE: the input has ended before the talk */
    struct gate_talk talk; /* as it was left */
    size_t used;           /* of the input, in all */
    unsigned char sent[64];
    size_t sent_size; /* by GATE_SEND */
};

/* Lets a gate read SIZE bytes, which come in pieces of STEP bytes; each call sees a copy of exactly
 * what is there, so that a sanitizer notices more. */
struct gate_result gate_talk_read(const struct gate_protocol *protocol, const void *input,
                                  size_t size, size_t step);

/* What the gate answers at the end of a talk, as a text. */
const char *gate_talk_answer(struct gate_result *result);

#endif
