/* Turns a host name into socket addresses, with a deadline and cancellation, which getaddrinfo does
 * not offer. getaddrinfo runs on a thread of its own; a caller that gives up leaves the thread and
 * the result behind, and the thread frees both when getaddrinfo returns. A numeric address needs no
 * thread. At most RESOLVE_THREADS run at once in the process; further lookups wait for their turn,
 * within their own deadlines. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_RESOLVE_H
#define ACTPASS_SERVER_LIB_DIAL_RESOLVE_H

#include "server/lib/dial/wait.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

enum { RESOLVE_THREADS = 64, RESOLVE_THREADS_FOR_PEERS = RESOLVE_THREADS / 2 };

/* One more flag: a peer has chosen the name, and may have chosen one whose name servers are silent.
 * Such lookups take at most RESOLVE_THREADS_FOR_PEERS threads, so others have their turn. */
enum { RESOLVE_FOR_PEER = 1 << 30 };

/* Resolves HOST ("" is every local address with AI_PASSIVE). FLAGS are AI_ADDRCONFIG, AI_PASSIVE,
 * AI_NUMERICHOST, RESOLVE_FOR_PEER, or 0; where AI_ADDRCONFIG leaves no address, all are taken.
 * Gives up at DEADLINE_US (CLOCK_MONOTONIC) and when WAIT does. Returns NULL and in *FOUND a list
 * that the caller frees with freeaddrinfo, or why there is none; valid until this thread calls it
 * again. */
const char *resolve_host(const char *host, uint16_t port, int flags, const struct dial_wait *wait,
                         int64_t deadline_us, struct addrinfo **found);

/* The same without waiting. A lookup belongs to its caller, which ends it with resolve_end. */
struct lookup;

/* Returns NULL, and either the result in *FOUND (HOST is numeric) or a lookup that runs in *LOOKUP;
 * or why there is neither. */
const char *resolve_begin(const char *host, uint16_t port, int flags, struct lookup **lookup,
                          struct addrinfo **found);

/* A descriptor that is readable once the lookup is done. Valid until resolve_end. */
int resolve_fd(const struct lookup *lookup);
bool resolve_is_done(const struct lookup *lookup);

/* Takes the result, or gives up if there is none yet. Frees the lookup. Returns as resolve_host
 * does; a lookup that was given up was not done in time. */
const char *resolve_end(struct lookup *lookup, struct addrinfo **found);

#endif
