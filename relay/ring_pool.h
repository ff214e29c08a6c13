/* BIO pairs that no connection uses now. Most connections wait most of the time, with empty rings,
 * so they borrow them: a few pairs serve thousands of connections, and stay in the processor's
 * cache. Any thread; its lock is the innermost one. */
#ifndef ACTPASS_RELAY_RING_POOL_H
#define ACTPASS_RELAY_RING_POOL_H

#include <openssl/bio.h>
#include <stdbool.h>

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

/* Takes a pair whose rings are empty, and frees it where it has enough of the kind, or is NULL. */
void ring_pool_give(struct ring_pool *pool, enum ring_kind kind, struct ring_pair pair);

/* Frees all pairs. POOL may be NULL. */
void ring_pool_empty(struct ring_pool *pool);

#endif
