/* When responses for our own certificates are to be fetched: a heap of entries, the earliest first.
 * Each change costs O(log n). The caller holds the lock. */
#ifndef ACTPASS_SERVER_LIB_OCSP_DUE_H
#define ACTPASS_SERVER_LIB_OCSP_DUE_H

#include "server/lib/ocsp/entry.h"

/* All zero: empty. */
struct due {
    struct entry **items; /* items[0] is the first */
    size_t count, room;
};

/* Makes room for COUNT entries in all, so that due_set cannot fail. False: no memory. */
bool due_reserve(struct due *due, size_t count);

/* Sets when the entry is due, whether it is in the heap or not. */
void due_set(struct due *due, struct entry *entry, int64_t due_us);

void due_remove(struct due *due, struct entry *entry); /* does nothing if it is not in the heap */

struct entry *due_first(const struct due *due); /* NULL: there is none */

void due_free(struct due *due);

#endif
