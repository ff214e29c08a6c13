/* BIO pairs that no connection uses now. Most connections wait most of the time, with empty rings,
 * so they borrow them: a few pairs serve thousands of connections, and stay in the processor's
 * cache. Any thread; its lock is the innermost one. */
#ifndef ACTPASS_RELAY_RING_POOL_H
#define ACTPASS_RELAY_RING_POOL_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

struct ring_pool;

/* A BIO pair whose rings are both of the same, usual size. */
struct ring_pair {
    BIO *internal, *external;
};

/* Pairs of one kind are alike. */
enum ring_kind { RING_KIND_SMALL, RING_KIND_LARGE, RING_KINDS };

/* Returns a pool without pairs. NULL: no memory. */
struct ring_pool *ring_pool_new(void);
void ring_pool_free(struct ring_pool *pool); /* may be NULL */

/* Returns false if there is none, or no pool (NULL). */
bool ring_pool_take(struct ring_pool *pool, enum ring_kind kind, struct ring_pair *pair);

/* Takes a pair whose rings are empty, and frees it where it has enough of the kind, or is NULL.
 * Returns the number of this gift, for ring_pool_leave; 0 without a pool. */
uint64_t ring_pool_give(struct ring_pool *pool, enum ring_kind kind, struct ring_pair pair);

/* For a connection that becomes idle, whose last gift was GIFT. Frees all pairs if none has been
 * given since then, or since the last call: nobody uses them. Otherwise others are busy, which
 * would have to make them anew; the last of them frees them when it becomes idle. POOL may be NULL.
 */
void ring_pool_leave(struct ring_pool *pool, uint64_t gift);

#endif
