/* Turns a host name into socket addresses, with a deadline and cancellation, which getaddrinfo does
 * not offer. getaddrinfo runs on a thread of its own; a caller that gives up leaves the thread and
 * the result behind, and the thread frees both when getaddrinfo returns. A numeric address needs no
 * thread. At most RESOLVE_THREADS run at once in the process; further lookups wait for their turn,
 * within their own deadlines. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_RESOLVE_H
#define ACTPASS_SERVER_LIB_DIAL_RESOLVE_H

#include "server/lib/dial/wait.h"

#include <netdb.h>
#include <stdint.h>

enum { RESOLVE_THREADS = 64 };

/* Resolves HOST ("" is every local address with AI_PASSIVE). FLAGS are AI_ADDRCONFIG, AI_PASSIVE,
 * AI_NUMERICHOST, or 0; where AI_ADDRCONFIG leaves no address, all are taken. Gives up at
 * DEADLINE_US (CLOCK_MONOTONIC) and when WAIT does. Returns NULL and in *FOUND a list that the
 * caller frees with freeaddrinfo, or why there is none; valid until this thread calls it again. */
const char *resolve_host(const char *host, uint16_t port, int flags, const struct dial_wait *wait,
                         int64_t deadline_us, struct addrinfo **found);

#endif
