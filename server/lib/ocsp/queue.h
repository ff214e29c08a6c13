/* Which question is asked next. A responder that is slow must not keep all threads: neither from
 * other responders, nor from the questions about our own certificates. So there are two lanes, each
 * of which may have a part of the threads, and in a lane responders take turns. A responder may
 * have QUEUE_HOST_MIN threads of its lane, one more for each time that it answers soon, and that
 * few again once it does not. The caller holds the lock. */
#ifndef ACTPASS_SERVER_LIB_OCSP_QUEUE_H
#define ACTPASS_SERVER_LIB_OCSP_QUEUE_H

#include "server/lib/ocsp/entry.h"

enum {
    QUEUE_THREADS = 16,     /* that ask at once */
    QUEUE_LANE_MAX = 12,    /* of which for one lane */
    QUEUE_HOST_MIN = 2,     /* of which for one responder */
    QUEUE_HOST_MAX = 8,     /* the same if it answers soon */
    QUEUE_PEERS_MAX = 1024, /* questions about peers that wait */
    QUEUE_SOON_US = 1000000
};

enum queue_lane { QUEUE_OWN, QUEUE_PEERS, QUEUE_LANES };

struct lane {
    struct host *first, *last; /* who has questions that wait or are asked; the first one is next */
    unsigned running;
    size_t waiting;
};

/* All zero: empty. */
struct queue {
    struct lane lanes[QUEUE_LANES];
};

/* Lets an entry with a question wait for its turn. False with error: no memory, or no room. */
bool queue_add(struct queue *queue, struct entry *entry, enum queue_lane lane,
               struct error_text *error);

/* Takes an entry out again that waits. */
void queue_withdraw(struct entry *entry);

/* The entry that is to be asked about now, by one more thread. NULL: none. */
struct entry *queue_take(struct queue *queue);

/* It was asked about, for so long. */
enum queue_result { QUEUE_ANSWERED, QUEUE_FAILED };
void queue_done(struct entry *entry, enum queue_result result, int64_t took_us);

void queue_free(struct queue *queue); /* nothing is asked any more */

#endif
