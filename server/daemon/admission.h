/* Whether a peer that has just connected may stay, by its address: "limits" of a service. Any
 * thread. */
#ifndef ACTPASS_SERVER_ADMISSION_H
#define ACTPASS_SERVER_ADMISSION_H

#include "config/config.h"
#include "server/lib/base/rate.h"
#include "server/lib/peers.h"

/* The address of a peer that has connected. */
struct peer {
    bool known;              /* it has an IP address */
    struct peer_key key;     /* if known: that address, without the port */
    struct peer_key address; /* what limits count; all peers without an IP address share one */
};

/* Why a connection was closed right after accept, or after its PROXY header, in the order of the
 * checks: cheapest first. */
enum refusal {
    REFUSED_NOT,
    REFUSED_NO_PROXY, /* only proxies may connect */
    REFUSED_DENIED,
    REFUSED_RATE,
    REFUSED_PER_ADDRESS,
    REFUSAL_COUNT
};

const char *refusal_name(enum refusal refusal); /* as in the log */

/* The peer at ADDRESS, counted by the prefixes of LIMITS. */
struct peer admission_peer(const struct config_limits *limits,
                           const struct sockaddr_storage *address);

/* True if "allow" and "deny" admit this peer. The longest matching prefix decides; if two are
 * equally long, "deny" does. With an "allow" list, peers in none of the networks are not
 * admitted. */
bool admission_allows(const struct config_limits *limits, const struct peer_key *peer);

/* A token bucket for each address: RATE connections a second, and as many at once. It has one lock,
 * under which only that of peers.h is taken. */
struct rates;
struct rates *rates_new(uint64_t rate); /* NULL: out of memory */
void rates_free(struct rates *rates);   /* NULL is fine */
/* Takes a token. False: there is no token left. */
bool rates_take(struct rates *rates, const struct peer_key *address, int64_t now_us);

/* The bucket of all addresses together, with never more than RATE tokens in a second. 0: burst 0,
 * no limit. */
struct rate admission_rate(uint64_t rate);

#endif
