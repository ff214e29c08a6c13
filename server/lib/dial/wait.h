/* How a thread waits while it resolves names or connects, and what makes it give up: a descriptor
 * that becomes readable, or a wait function of the caller's. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_WAIT_H
#define ACTPASS_SERVER_LIB_DIAL_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

enum { DIAL_MAX_DESCRIPTORS = 16 }; /* in one wait */

struct dial_wait {
    /* Cancels the wait once it is readable. Never read, never closed. -1: none. */
    int cancel_fd;
    /* Replaces poll for a thread that must serve something else meanwhile. Waits until one of COUNT
     * descriptors has revents, or UNTIL_US (CLOCK_MONOTONIC). Returns 0, or an errno to give up
     * with; ECANCELED: the wait was cancelled. NULL: ppoll with cancel_fd. */
    int (*poll)(void *arg, struct pollfd *set, nfds_t count, int64_t until_us);
    void *arg;
    /* The number of descriptors that POLL can take at once; ignored without POLL. */
    nfds_t max_descriptors;
};

/* Waits as above; may return 0 early without revents, after a signal. SET may be NULL if COUNT is
 * 0; COUNT is at most dial_wait_limit. */
int dial_wait(const struct dial_wait *wait, struct pollfd *set, nfds_t count, int64_t until_us);

/* The number of descriptors that one wait can take. */
nfds_t dial_wait_limit(const struct dial_wait *wait);

/* Returns true if the descriptor is readable now; false for -1. */
bool dial_is_cancelled(int cancel_fd);

#endif
