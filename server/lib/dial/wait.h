/* How a thread waits while it resolves names or connects, and what makes it give up: a descriptor
 * that becomes readable. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_WAIT_H
#define ACTPASS_SERVER_LIB_DIAL_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

enum { DIAL_MAX_DESCRIPTORS = 16 }; /* in one wait */

struct dial_wait {
    int cancel_fd; /* cancels the wait once it is readable. Never read, never closed. -1: none */
};

/* Waits until one of COUNT descriptors has revents, or UNTIL_US (CLOCK_MONOTONIC). Returns 0, or an
 * errno to give up with; ECANCELED: the wait was cancelled. May return 0 early without revents,
 * after a signal. COUNT is at most DIAL_MAX_DESCRIPTORS. */
int dial_wait(const struct dial_wait *wait, struct pollfd *set, nfds_t count, int64_t until_us);

/* Returns true if the descriptor is readable now; false for -1. */
bool dial_is_cancelled(int cancel_fd);

#endif
