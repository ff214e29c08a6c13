/* What is known of one certificate. The lock of ocsp.h guards all of it, but for `question`, which
 * is constant while the entry is asked about. */
#ifndef ACTPASS_SERVER_LIB_OCSP_ENTRY_H
#define ACTPASS_SERVER_LIB_OCSP_ENTRY_H

#include "server/lib/ocsp/answer.h"
#include "server/lib/ocsp/question.h"

struct ocsp_follower;
struct ocsp_waiter;
struct host;

enum entry_state {
    ENTRY_RESTS,
    ENTRY_WAITS, /* in a queue, until a thread may ask its responder */
    ENTRY_ASKS   /* a thread asks, and keeps the entry alive */
};

struct entry {
    uint8_t key[OCSP_KEY_SIZE];
    struct ocsp_question *question; /* NULL while a peer's rests: then only the answer is kept */

    struct ocsp_answer answer;
    unsigned failures;       /* in a row */
    int64_t failed_until_us; /* until when the last one counts, for peers */
    struct error_text error; /* of the last one */

    enum entry_state state;
    bool unattended; /* it is to be asked about, though nobody waits for it */
    struct ocsp_follower *followers;
    struct ocsp_waiter *waiters;

    struct entry *next;          /* entries.c: in its bucket */
    struct entry *newer, *older; /* entries.c: those at rest that nobody follows */
    bool listed;                 /* entries.c: it is one of these */
    bool followed;               /* entries.c: as it was counted last */

    int64_t due_us; /* due.c: when to ask again */
    size_t place;   /* due.c: in the heap, counted from 1; 0: it is not in it */

    struct host *host;             /* queue.c: NULL while it rests */
    struct entry *before, *behind; /* queue.c: while it waits */
};

#endif
