/* Hands one thing at a time from a thread that waits to one that polls: the giving thread goes on
 * when the other one has dealt with it. Any thread may give, one at a time. */
#ifndef ACTPASS_SERVER_HANDOVER_H
#define ACTPASS_SERVER_HANDOVER_H

#include <stdbool.h>

struct handover;

/* NULL with errno. */
struct handover *handover_new(void);
void handover_free(struct handover *handover); /* nobody gives or takes; accepts NULL */

/* Waits until the other thread has called handover_done for WHAT. False: it was not taken, since
 * the handover is closed. */
bool handover_give(struct handover *handover, void *what);

/* The thread that takes: a descriptor that is readable while there is something to take; what there
 * is, or NULL; and the end of dealing with it. */
int handover_fd(const struct handover *handover);
void *handover_take(struct handover *handover);
void handover_done(struct handover *handover);

/* Nothing is taken any more: whoever gives, now or later, gets false. Not between handover_take and
 * handover_done. */
void handover_close(struct handover *handover);

#endif
