/* Turns a host name into socket addresses, with a deadline and an abort, which getaddrinfo has not:
 * it runs on a thread of its own, and a caller that gives up leaves thread and result behind; the
 * thread frees both when getaddrinfo returns. A numeric address takes no thread. At most
 * RESOLVE_THREADS run at once in the process; further lookups wait for their turn, within their own
 * deadlines. Any thread. */
#ifndef ACTPASS_SERVER_LIB_DIAL_RESOLVE_H
#define ACTPASS_SERVER_LIB_DIAL_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

enum { RESOLVE_THREADS = 64 };

/* How the caller waits. */
struct resolve_wait {
    /* 0 once FD is readable, otherwise an errno: the caller gives up, ETIMEDOUT after its deadline.
     */
    int (*until_readable)(void *arg, int fd);
    void *arg;
};

/* NULL and a list for freeaddrinfo, or why there is none. FLAGS are AI_ADDRCONFIG or 0; addresses
 * that are left out for AI_ADDRCONFIG are taken where there is no other. */
const char *resolve(const char *host, uint16_t port, int flags, const struct resolve_wait *wait,
                    struct addrinfo **found);

/* The same for a caller that has only a deadline and a descriptor that becomes readable when it is
 * to give up, or -1. */
const char *resolve_within(const char *host, uint16_t port, int flags, int cancel_fd,
                           int64_t deadline_us, struct addrinfo **found);

#endif
