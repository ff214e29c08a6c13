/* The race of a dial (dial.h), step by step, for whoever must not block its thread: a step does
 * what can be done at once, and race_wait says what to wait for until the next one. For one thread
 * at a time. */
#ifndef ACTPASS_SERVER_LIB_DIAL_RACE_H
#define ACTPASS_SERVER_LIB_DIAL_RACE_H

#include "server/lib/dial/socket.h"

enum { RACE_MAX_ATTEMPTS = DIAL_MAX_DESCRIPTORS - 1 }; /* beside a lookup */

enum attempt_state {
    ATTEMPT_IN_PROGRESS, /* poll reports the result */
    /* A unix socket with a full backlog, or a fixed local port whose last connection to the same
     * address has not ended yet: poll reports nothing, so connect is called again soon. */
    ATTEMPT_BUSY,
    ATTEMPT_UP
};

struct attempt {
    int fd;
    struct candidate to;
    enum attempt_state state;
    bool watched;     /* the epoll set has it */
    int64_t began_us; /* when it was begun */
    int64_t retry_us; /* BUSY: when to call connect again */
};

/* All members are race.c's. */
struct race {
    const struct dial *dial;
    struct candidates candidates;
    struct attempt attempts[RACE_MAX_ATTEMPTS];
    size_t count;
    int64_t spare_delay_us; /* how long an address has before the next configured one is tried */
    int64_t next_us;        /* when the next attempt begins */
    int error;              /* the errno of the last attempt that has failed; 0: none has */
    int set;                /* an epoll set with all that is waited for; -1: there is none */
};

/* Begins a race for the addresses of DIAL, or for COUNT candidates that were resolved before. Both
 * are borrowed until race_end. Nothing of DIAL's is waited for: its wait is the caller's affair. */
void race_begin(struct race *race, const struct dial *dial);
void race_begin_list(struct race *race, const struct dial *dial, const struct candidate *list,
                     size_t count);

enum race_result {
    RACE_WAITS,
    RACE_WON,   /* *FD is a connected non-blocking socket, the caller's, and *WINNER its address */
    RACE_FAILED /* each attempt has failed and was reported to the observer */
};

/* Judges the attempts that are in progress, and begins the next one if its time has come. Call it
 * at first, and whenever what it waits for has come, until it does not return RACE_WAITS. */
enum race_result race_step(struct race *race, struct candidate *winner, int *fd);

/* What to wait for with poll: fills SET, and returns the number of its elements and in *UNTIL_US
 * (CLOCK_MONOTONIC) when to step at the latest. */
nfds_t race_poll_set(const struct race *race, struct pollfd set[DIAL_MAX_DESCRIPTORS],
                     int64_t *until_us);

/* What to wait for with one descriptor only, edge-triggered or not: OWN. It stays the race's, and
 * either becomes the winner or stays open until race_end, so that its number is not another
 * descriptor's meanwhile. -1: none. Returns when to step at the latest. */
int64_t race_wait(struct race *race, struct pollfd *own);

/* Closes what has not won. ERROR is the errno for which the caller gives up an undecided race, to
 * be reported for each attempt; ECANCELED, or 0, is not reported. */
void race_end(struct race *race, int error);

#endif
