/* Talks of a peer in clear before TLS (server/daemon/starttls/protocol.h), for tests. */
#ifndef ACTPASS_TESTS_SUPPORT_STARTTLS_TALK_H
#define ACTPASS_TESTS_SUPPORT_STARTTLS_TALK_H

#include "server/daemon/starttls/protocol.h"

struct starttls_result {
    enum starttls_next next;   /* STARTTLS_MORE: the input has ended before the talk */
    struct starttls_talk talk; /* as it was left */
    size_t used;               /* of the input, in all */
    unsigned char sent[4 * STARTTLS_ANSWER_MAX]; /* with a zero behind it */
    size_t sent_size;                            /* by STARTTLS_SEND and the end */
};

/* Lets a protocol read SIZE bytes, which come in pieces of STEP bytes; each call sees a copy of
 * exactly what is there, so that a sanitizer notices more. NAME: as talk->name. */
struct starttls_result starttls_talk_read(const struct starttls_protocol *protocol,
                                          const char *name, const void *input, size_t size,
                                          size_t step);

#endif
