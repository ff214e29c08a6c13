/* How many connections each service may have: the configured number, scaled down if the process may
 * not open that many descriptors, so that no service uses up those of another. */
#ifndef ACTPASS_SERVER_CAPACITY_H
#define ACTPASS_SERVER_CAPACITY_H

#include "config/config.h"

#include <stdint.h>

struct capacity {
    uint64_t connections; /* open at once; at least 1 */
    uint64_t spare; /* how many more may be open for a moment, while the same number are closing */
};

/* Descriptors that one connection of the service may need: its socket, and the socket to the
 * backend, the local connection or the file. One that waits in a pool needs its socket alone. */
unsigned capacity_descriptors(const struct config_service *service);

/* Fills one element for each service. LIMIT is the process's limit on open descriptors. Returns how
 * many descriptors the configuration needs. If that is more than LIMIT, the services that need the
 * most get an equal, smaller number of descriptors. */
uint64_t capacity_share(const struct config *config, uint64_t limit, struct capacity *capacities);

/* How many descriptors are left, beside those that CAPACITIES (as capacity_share has filled it) may
 * use, for clients that are joined to connections that wait in a pool: such a connection has one
 * descriptor, and a second one only while it is joined. At least 1. */
uint64_t capacity_joins(const struct config *config, uint64_t limit,
                        const struct capacity *capacities);

#endif
