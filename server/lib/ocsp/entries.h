/* The table of entries. Those that nobody follows, which are peers', are bounded: the one that was
 * used longest ago makes room. The caller holds the lock. */
#ifndef ACTPASS_SERVER_LIB_OCSP_ENTRIES_H
#define ACTPASS_SERVER_LIB_OCSP_ENTRIES_H

#include "server/lib/ocsp/entry.h"

enum { ENTRIES_BUCKETS = 1024, ENTRIES_PEERS_MAX = 4096 };

/* All zero: empty. */
struct entries {
    struct entry *buckets[ENTRIES_BUCKETS];
    struct entry *newest, *oldest; /* of those that may make room */
    size_t peers;                  /* that nobody follows */
};

struct entry *entries_find(const struct entries *entries, const uint8_t key[OCSP_KEY_SIZE]);

/* The one that is there, or a new one, which nobody follows and which rests. NULL: no memory, or no
 * room. */
struct entry *entries_get(struct entries *entries, const uint8_t key[OCSP_KEY_SIZE]);

/* After each use, and each change of its state or of its followers: notes that it was used, and
 * whether it may make room. */
void entries_note(struct entries *entries, struct entry *entry);

void entries_free(struct entries *entries); /* all of them */

#endif
