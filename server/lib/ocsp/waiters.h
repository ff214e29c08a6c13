/* Who waits for what comes of an entry. The caller holds the lock. */
#ifndef ACTPASS_SERVER_LIB_OCSP_WAITERS_H
#define ACTPASS_SERVER_LIB_OCSP_WAITERS_H

#include "server/lib/ocsp/callers.h"
#include "server/lib/ocsp/entry.h"

/* Lets WAITER wait for this entry, and for no other one. */
void waiters_add(struct entry *entry, struct ocsp_waiter *waiter);

void waiters_remove(struct ocsp_waiter *waiter); /* does nothing if it does not wait */

/* Wakes each of them once. They do not wait any more. */
void waiters_wake(struct entry *entry);

#endif
